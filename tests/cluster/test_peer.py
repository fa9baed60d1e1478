"""
Pods from AWS's own webhook and from ours, case by case, on one API server.

AWS's is not ours to ship: AWS_WEBHOOK names its binary, and without it nothing here runs.
"""

import base64
import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from irsa.errors import KubeError
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.local.network import free_ports
from irsa.tls.certs import Authority, LeafRequest

from .objects import remove, space
from .waiting import until

PEER = os.environ.get("AWS_WEBHOOK")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not PEER, reason="AWS_WEBHOOK names no binary of AWS's webhook"),
]

CASES = YAML(typ="safe").load(
    (Path(__file__).parents[1] / "golden" / "patches" / "cases.yaml").read_text()
)
PREFIX = "eks.amazonaws.com"
PLACE = "peer-pods"
LABEL = "webhook"
ADMISSION = "admissionregistration.k8s.io/v1"
SAME_FLAGS = ("--aws-default-region=eu-west-1", "--sts-regional-endpoint=true")
COMMANDS = {
    "aws": (PEER or "", "--in-cluster=false", "--namespace=default", "--logtostderr"),
    "irsa": (
        *(sys.executable, "-m", "irsa", "webhook", "--host=127.0.0.1"),
        *("--allowed-account=111122223333", "--no-role-session-name"),
    ),
}
# What AWS's does otherwise; the page for those who come from it has the same list.
DIFFERENT = {
    "empty role": "blanks are injected as the role",
    "not the ARN of a role": "injected as the role",
    "role of another account": "ours asks for leave: injection.allowedAccounts",
    "skipped containers": "a blank after the comma is taken as part of a name",
    "every container skipped": "a volume that nothing mounts",
    "empty audience means the default": "a token for the API server",
    "expiration too long": "the API server refuses the pod",
    "foreign volume of the same name": "taken for the token",
    "token of another audience under the same name": "taken for the token",
    "a token in another file under the same name": "taken for the token",
    "a fitting volume under another name": "a second volume with the same token",
    "something else is mounted there": "the API server refuses the pod",
    "a part of the token volume is mounted there": "variables that point to nothing",
    "the token is mounted elsewhere only": "variables that point to nothing",
    "Windows by the pod's own word": "not seen",
    "Windows by required affinity": "not seen",
    "the pod's own word goes before its node selector": "not seen",
}


class Engines:
    """Both webhooks behind one API server; a pod's label says which of them is asked."""

    def __init__(self, kube: Kube) -> None:
        self.kube = kube

    def pod(self, engine: str, account: str, case: dict[str, Any]) -> Any:
        """What comes of a case's pod: what matters of it, or the API server's refusal."""
        spec = copy.deepcopy(case["spec"]) | {"serviceAccountName": account}
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            container["image"] = "x"
        metadata = {
            "name": account,
            "namespace": PLACE,
            "labels": {LABEL: engine},
            "annotations": _annotated(case.get("pod", {})),
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        try:
            return essence(self.kube.create(pod, dry_run=True))
        except KubeError as error:
            return error.message


def essence(pod: dict[str, Any]) -> dict[str, Any]:
    """A pod's spec without what does not matter to it: the order of volumes, mounts, variables."""
    spec = copy.deepcopy(pod["spec"])
    spec["volumes"] = {
        one["name"]: one for one in spec["volumes"] if not one["name"].startswith("kube-api-access")
    }
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        container["env"] = {one["name"]: one for one in container.get("env", [])}
        container["volumeMounts"] = {
            one["mountPath"].rstrip("/"): one
            for one in container.get("volumeMounts", [])
            if not one["name"].startswith("kube-api-access")
        }
    return spec


def _annotated(annotations: dict[str, str]) -> dict[str, str]:
    return {f"{PREFIX}/{name}": value for name, value in annotations.items()}


@pytest.fixture(scope="module", name="engines")
def _engines(rig: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    kube, directory = rig.kube, tmp_path_factory.mktemp("peer")
    authority = Authority.generate("peer", now=datetime.now(UTC), days=1)
    leaf = authority.issue(
        LeafRequest(common_name="peer", ips=("127.0.0.1",)), now=datetime.now(UTC), days=1
    )
    (directory / "tls.crt").write_bytes(leaf.certificate_pem)
    (directory / "tls.key").write_bytes(leaf.private_key_pem)
    place = space(PLACE)
    kube.apply(place)
    with ExitStack() as stack:
        stack.callback(remove, kube, [place])
        for name, command in COMMANDS.items():
            port, metrics = free_ports(2)
            more = [f"--metrics-port={metrics}"] if name == "aws" else []
            files = [f"--tls-cert={directory}/tls.crt", f"--tls-key={directory}/tls.key"]
            files.append(f"--kubeconfig={rig.kubeconfig}")
            log = stack.enter_context((directory / f"{name}.log").open("w"))
            child = subprocess.Popen(
                [*command, *SAME_FLAGS, *more, f"--port={port}", *files], env=rig.env, stderr=log
            )
            stack.callback(child.wait, 30)
            stack.callback(child.terminate)
            registration = _registration(name, port, authority)
            kube.create(registration)
            stack.callback(kube.delete, Ref.of(registration))
        for number, case in enumerate(CASES):
            _account(kube, f"case-{number}", case["serviceAccount"])
        _account(kube, "probe", CASES[0]["serviceAccount"])
        engines = Engines(kube)
        for name in COMMANDS:
            until(lambda name=name: "aws-iam-token" in str(engines.pod(name, "probe", CASES[0])))
        yield engines


def _account(kube: Kube, name: str, annotations: dict[str, str]) -> None:
    metadata = {"name": name, "namespace": PLACE, "annotations": _annotated(annotations)}
    kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def _registration(name: str, port: int, authority: Authority) -> dict[str, Any]:
    bundle = base64.b64encode(authority.certificate_pem).decode()
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    hook = {
        "name": f"{name}.peer.example",
        "failurePolicy": "Fail",
        "clientConfig": {"url": f"https://127.0.0.1:{port}/mutate", "caBundle": bundle},
        "objectSelector": {"matchLabels": {LABEL: name}},
        "rules": [rule | {"resources": ["pods"]}],
        "sideEffects": "None",
        # As in AWS's manifest: what its webhook answers is not valid in v1.
        "admissionReviewVersions": ["v1" if name == "irsa" else "v1beta1"],
    }
    return {
        "apiVersion": ADMISSION,
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": f"peer-{name}"},
        "webhooks": [hook],
    }


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["name"] for case in CASES])
def test_pod_is_the_same_unless_the_list_says_why(engines: Engines, number: int) -> None:
    """Same volume, mounts and variables; a difference is one that we know the reason of."""
    case = CASES[number]
    theirs, ours = (engines.pod(name, f"case-{number}", case) for name in ("aws", "irsa"))
    if case["name"] in DIFFERENT:
        assert theirs != ours, "listed as different, and is the same"
    else:
        assert theirs == ours


def test_the_list_names_cases_that_exist() -> None:
    """So that no reason outlives its case."""
    assert DIFFERENT.keys() <= {case["name"] for case in CASES}
