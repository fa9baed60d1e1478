"""What a pod is given: the table of cases, and what holds for every pod."""

import copy
import os
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from irsa.injection.grants import Defaults, Grant, Refusal, grant_of
from irsa.injection.patch import MOUNT_PATH, ROLE_MISSING, Patch, note, patch
from irsa.injection.pods import Pod

GOLDEN = Path(__file__).parents[2] / "golden" / "patches"
PREFIX = "eks.amazonaws.com"
DEFAULTS = Defaults(region="eu-west-1", allowed_accounts=frozenset({"111122223333"}))
CASES = YAML(typ="safe").load((GOLDEN / "cases.yaml").read_text())
GRANT = Grant(
    role_arn="arn:aws:iam::111122223333:role/web",
    audience="sts.amazonaws.com",
    expiration=86400,
    region="eu-west-1",
)


def apply(document: Any, operations: Any) -> Any:
    """The document after `add` operations, as strict as RFC 6902 section 4.1."""
    document = copy.deepcopy(document)
    for operation in operations:
        assert operation["op"] == "add"
        *parents, last = operation["path"].split("/")[1:]
        target = document
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target[part]
        if isinstance(target, list):
            assert last == "-"
            target.append(copy.deepcopy(operation["value"]))
        else:
            target[last.replace("~1", "/")] = copy.deepcopy(operation["value"])
    return document


def patched(pod: dict, grant: Grant) -> tuple[dict, Patch]:
    """The pod after its patch, and the patch."""
    decoded = msgspec.json.decode(msgspec.json.encode(pod), type=Pod)
    change = patch(decoded, grant, prefix=PREFIX)
    return apply(pod, msgspec.to_builtins(change.operations)), change


def annotated(annotations: dict[str, str]) -> dict[str, str]:
    """Annotations under the prefix."""
    return {f"{PREFIX}/{name}": value for name, value in annotations.items()}


def outcome(case: dict) -> dict:
    """What a case comes to: the parts of the pod that injection may touch, and warnings."""
    pod = {"metadata": {"annotations": annotated(case.get("pod", {}))}, "spec": case["spec"]}
    annotations = annotated(case["serviceAccount"])
    verdict = grant_of(annotations, DEFAULTS, namespace="shop", name="web")
    if not isinstance(verdict, Grant):
        return {"refused": verdict.reason} if isinstance(verdict, Refusal) else {"untouched": True}
    after, change = patched(pod, verdict)
    if after == pod:
        return {"untouched": True, "warnings": list(change.warnings)}
    return {"spec": after["spec"], "warnings": list(change.warnings)}


def dumped(value: object) -> str:
    """YAML, block style."""
    stream = StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump(value, stream)
    return stream.getvalue()


def test_table_of_cases_gives_the_reviewed_pods() -> None:
    """Each case gives the pod in results.yaml; UPDATE_GOLDEN=1 rewrites it for review."""
    results = dumped({case["name"]: outcome(case) for case in CASES})
    path = GOLDEN / "results.yaml"
    if "UPDATE_GOLDEN" in os.environ:
        path.write_text(results)
    assert results == path.read_text()


NAMES = st.sampled_from(["aws-iam-token", "aws-iam-token-1", "data", "other"])
PATHS = st.sampled_from([MOUNT_PATH, f"{MOUNT_PATH}/", "/data", "/var/run"])
VARIABLES = st.sampled_from(
    ["A", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "AWS_DEFAULT_REGION"]
)
TOKENS = st.fixed_dictionaries(
    {"path": st.sampled_from(["token", "other"])},
    optional={"audience": st.sampled_from(["sts.amazonaws.com", "vault"])},
)
SOURCES = st.one_of(
    st.builds(lambda token: {"serviceAccountToken": token}, TOKENS),
    st.just({"configMap": {"name": "x"}}),
)
VOLUMES = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "emptyDir": st.just({}),
        "projected": st.fixed_dictionaries({"sources": st.lists(SOURCES, max_size=2)}),
    },
)
MOUNTS = st.fixed_dictionaries(
    {"name": NAMES, "mountPath": PATHS}, optional={"subPath": st.just("token")}
)
CONTAINERS = st.fixed_dictionaries(
    {"name": st.sampled_from(["app", "log", "proxy"])},
    optional={
        "image": st.just("x"),
        "futureField": st.just({"deep": [1]}),
        "env": st.lists(
            st.fixed_dictionaries({"name": VARIABLES, "value": st.text(max_size=3)}), max_size=3
        ),
        "volumeMounts": st.lists(MOUNTS, max_size=2, unique_by=lambda m: m["mountPath"].strip("/")),
    },
)
PODS = st.fixed_dictionaries(
    {
        "spec": st.fixed_dictionaries(
            {"containers": st.lists(CONTAINERS, min_size=1, max_size=3)},
            optional={
                "initContainers": st.lists(CONTAINERS, max_size=2),
                "volumes": st.lists(VOLUMES, max_size=3, unique_by=lambda v: v["name"]),
            },
        )
    },
    optional={
        "metadata": st.fixed_dictionaries(
            {}, optional={"annotations": st.just(annotated({"skip-containers": "log"}))}
        )
    },
)


@given(PODS)
def test_patched_twice_is_patched_once(pod: dict) -> None:
    """The API server calls again after other plug-ins: there is nothing left to add."""
    once, _ = patched(pod, GRANT)
    twice, change = patched(once, GRANT)
    assert change.operations == ()
    assert twice == once


@given(PODS)
def test_patch_never_makes_a_pod_invalid(pod: dict) -> None:
    """No name or path is added twice, and what is mounted is a volume of the pod's."""
    after, _ = patched(pod, GRANT)
    volumes = [volume["name"] for volume in after["spec"].get("volumes", [])]
    assert len(volumes) == len(set(volumes))
    for before, container in zip(every(pod), every(after), strict=True):
        mounts = container.get("volumeMounts", [])
        paths = [mount["mountPath"].rstrip("/") for mount in mounts]
        assert len(paths) == len(set(paths))
        added = [mount for mount in mounts if mount not in before.get("volumeMounts", [])]
        assert {mount["name"] for mount in added} <= set(volumes)


@given(PODS)
def test_patch_only_adds(pod: dict) -> None:
    """Everything that was there is there, in its order, fields that we do not know included."""
    after, _ = patched(pod, GRANT)
    for before, container in zip(every(pod), every(after), strict=True):
        assert {k: v for k, v in container.items() if k not in ("env", "volumeMounts")} == {
            k: v for k, v in before.items() if k not in ("env", "volumeMounts")
        }
        for field in ("env", "volumeMounts"):
            kept = before.get(field, [])
            assert container.get(field, [])[: len(kept)] == kept


@given(PODS)
def test_every_container_has_both_variables_of_ours_or_none(pod: dict) -> None:
    """A role without a token file, or the other way round, would be half a promise."""
    after, _ = patched(pod, GRANT)
    for before, container in zip(every(pod), every(after), strict=True):
        added = container.get("env", [])[len(before.get("env", [])) :]
        names = {variable["name"] for variable in added}
        assert len(names & {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}) in (0, 2)


def every(pod: dict) -> list[dict]:
    """Init and ordinary containers."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def test_block_device_at_the_path_is_left_alone() -> None:
    """A mount over a block device's path would be refused."""
    device = {"name": "app", "volumeDevices": [{"name": "d", "devicePath": MOUNT_PATH}]}
    _, change = patched({"spec": {"containers": [device]}}, GRANT)
    assert change.operations == ()
    assert "is taken" in change.warnings[0]


@pytest.mark.parametrize("empty", [None, []], ids=["null", "empty"])
def test_empty_lists_are_added_whole(empty: object) -> None:
    """`add` to the end of a list needs a list."""
    pod = {"spec": {"volumes": empty, "containers": [{"name": "a", "env": empty}]}}
    after, _ = patched(pod, GRANT)
    assert after["spec"]["volumes"][0]["name"] == "aws-iam-token"
    assert after["spec"]["containers"][0]["env"]


@pytest.mark.parametrize("annotations", ["absent", None, {}, {"other": "kept"}], ids=str)
def test_note_says_in_the_pod_why_it_has_no_role(annotations: Any) -> None:
    """Whatever annotations it has already, they stay, and the operation applies."""
    metadata = {"name": "web-1"} | ({} if annotations == "absent" else {"annotations": annotations})
    pod = {"metadata": metadata, "spec": {"containers": []}}
    decoded = msgspec.convert(pod, Pod)
    operations = msgspec.to_builtins(note(decoded, "the API server is silent"))
    noted = apply(pod, operations)["metadata"]["annotations"]
    assert noted[ROLE_MISSING] == "the API server is silent"
    assert noted.get("other") == ("kept" if annotations == {"other": "kept"} else None)
    assert note(Pod(), "nobody sends a pod without any name") == ()
