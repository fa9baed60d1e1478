"""A container's variables come from its spec and nothing else."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.kube.objects import Object
from irsa.local.node.environment import Missing, expand, field, variables

POD: Object = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"b": '"', "a": "1"}},
    "spec": {"nodeName": "cp-1", "serviceAccountName": "web"},
    "status": {"podIP": "192.0.2.7"},
}
OBJECTS: dict[tuple[str, str], Object] = {
    ("Secret", "s"): {"kind": "Secret", "data": {"k": base64.b64encode(b"top").decode()}},
    ("ConfigMap", "c"): {"kind": "ConfigMap", "data": {"K": "v", "not a name": "x"}},
}


def read(kind: str, name: str) -> Object | None:
    return OBJECTS.get((kind, name))


def of(*env: dict[str, Any], source: list[dict[str, Any]] | None = None) -> dict[str, str]:
    return variables({"env": list(env), "envFrom": source or []}, POD, read)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"),
        ("x$(A)y", "x1y"),
        ("$(B)", "$(B)"),
        ("$$(A)", "$(A)"),
        ("$A", "$A"),
        ("$(", "$("),
        ("$$$(A)", "$1"),
    ],
)
def test_expansion_follows_kubernetes(text: str, expanded: str) -> None:
    """Known names are replaced, unknown ones stay, two dollars are one."""
    assert expand(text, {"A": "1"}) == expanded


@given(st.text().filter(lambda text: "$" not in text))
def test_text_without_dollars_is_left_alone(text: str) -> None:
    """Expansion touches references only."""
    assert expand(text, {"A": "1"}) == text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "p"),
        ("metadata.labels['a']", "1"),
        ("metadata.labels['none']", ""),
        ("metadata.labels", 'a="1"\nb="\\""'),
        ("spec.serviceAccountName", "web"),
        ("status.podIP", "192.0.2.7"),
        ("status.phase", None),
    ],
)
def test_fields_of_the_downward_api(path: str, value: str | None) -> None:
    """What a `fieldRef` may name has the value that Kubernetes gives it."""
    assert field(POD, path) == value


def test_secret_and_config_map_values() -> None:
    """Values are read from the objects that the spec names."""
    secret = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    assert of(secret, source=[{"prefix": "P_", "configMapRef": {"name": "c"}}]) == {
        "P_K": "v",
        "A": "top",
    }


def test_values_of_references_are_not_expanded() -> None:
    """Only literal values may refer to variables before them."""
    assert of({"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(C)"})["B"] == "1$(C)"


@pytest.mark.parametrize(
    "reference",
    [{"name": "none", "key": "k"}, {"name": "s", "key": "none"}],
    ids=["no object", "no key"],
)
def test_what_is_missing_is_waited_for_unless_optional(reference: dict[str, Any]) -> None:
    """A missing Secret or key stops the container; an optional one is left out."""
    with pytest.raises(Missing):
        of({"name": "A", "valueFrom": {"secretKeyRef": reference}})
    assert of({"name": "A", "valueFrom": {"secretKeyRef": {**reference, "optional": True}}}) == {}
