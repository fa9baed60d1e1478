"""Which running pods should carry a role and do not."""

from typing import Any

import msgspec
import pytest

from irsa.controller.pods import Bare, LivePod, bare_pods
from irsa.injection.grants import Grant, Refusal, Verdict

PREFIX = "eks.amazonaws.com"
GRANT = Grant(
    role_arn="arn:aws:iam::111122223333:role/web", audience="sts.amazonaws.com", expiration=600
)
ROLE = [{"name": "AWS_ROLE_ARN", "value": "x"}]


def found(verdict: Verdict = GRANT, **changes: Any) -> list[Bare]:
    """The bare pods among one pod, changed as told."""
    pod = {
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "u"}
        | changes.pop("metadata", {}),
        "spec": {"serviceAccountName": "web", "containers": [{"name": "app"}]}
        | changes.pop("spec", {}),
        "status": {"phase": "Running"} | changes,
    }
    live = msgspec.json.decode(msgspec.json.encode(pod), type=LivePod)
    return list(bare_pods([live], lambda *_: verdict, prefix=PREFIX))


def test_pod_without_its_role_is_found() -> None:
    """With what there is to say of it, and what it belongs to."""
    owners = [
        {"apiVersion": "v1", "kind": "X", "name": "x"},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d", "controller": True},
    ]
    [bare] = found(metadata={"ownerReferences": owners})
    assert str(bare) == "shop/web-1"
    assert (bare.service_account, bare.role_arn) == ("web", GRANT.role_arn)
    assert bare.containers == ("app",)
    assert bare.owner is not None
    assert bare.owner.kind == "ReplicaSet"


@pytest.mark.parametrize(
    "verdict", [None, Refusal(reason="another account")], ids=["no-role", "refused"]
)
def test_only_a_granted_role_can_be_missing(verdict: Verdict) -> None:
    """A ServiceAccount without a role, or with one that must not be given, makes no bare pods."""
    assert found(verdict) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"phase": "Succeeded"},
        {"phase": "Failed"},
        {"metadata": {"deletionTimestamp": "2026-11-24T12:00:00Z"}},
        {"metadata": {"labels": {f"{PREFIX}/skip-pod-identity-webhook": ""}}},
        {"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}},
        {"metadata": {"annotations": {f"{PREFIX}/skip-containers": "app"}}},
        {"spec": {"containers": [{"name": "app", "env": ROLE}]}},
        {
            "spec": {
                "containers": [
                    {
                        "name": "app",
                        "volumeMounts": [{"name": "x", "mountPath": GRANT.mount_path}],
                    }
                ]
            }
        },
    ],
    ids=["done", "failed", "going", "label", "mirror", "skipped", "own", "taken"],
)
def test_pod_left_out_on_purpose_is_none(changes: dict) -> None:
    """Nobody is told of a pod for which nothing went wrong."""
    assert found(**changes) == []


def test_one_container_is_enough() -> None:
    """A sidecar injected after the webhook had its turn has no role either."""
    containers = [{"name": "app", "env": ROLE}, {"name": "late"}]
    [bare] = found(spec={"containers": containers})
    assert bare.containers == ("late",)
