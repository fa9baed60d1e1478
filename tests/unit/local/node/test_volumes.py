"""What a pod's volumes hold."""

import base64
from typing import Any

import pytest

from irsa.kube.objects import Object
from irsa.local.node.environment import Missing
from irsa.local.node.payload import File
from irsa.local.node.volumes import Wanted, content, refuse, token_mode


class Objects:
    """A namespace with one Secret and one ConfigMap."""

    def read(self, kind: str, name: str) -> Object | None:
        data = {"k": base64.b64encode(b"v").decode()}
        found = {
            ("Secret", "s"): {"kind": "Secret", "data": data},
            ("ConfigMap", "c"): {"kind": "ConfigMap", "data": {"a": "1"}, "binaryData": data},
        }
        return found.get((kind, name))

    def token(self, pod: Object, wanted: Wanted) -> str:
        return f"{pod['metadata']['name']} {wanted.audience} {wanted.seconds}"


def pod(**spec: Any) -> Object:
    metadata = {"name": "p", "namespace": "n", "uid": "u", "labels": {"a": "1"}}
    return {"metadata": metadata, "spec": {"containers": [{}], **spec}}


@pytest.mark.parametrize(
    ("volume", "files"),
    [
        ({"secret": {"secretName": "s"}}, {"k": File(content=b"v")}),
        (
            {"secret": {"secretName": "s", "defaultMode": 0o400}},
            {"k": File(content=b"v", mode=0o400)},
        ),
        ({"configMap": {"name": "c"}}, {"a": File(content=b"1"), "k": File(content=b"v")}),
        (
            {"configMap": {"name": "c", "items": [{"key": "a", "path": "d/b", "mode": 0o600}]}},
            {"d/b": File(content=b"1", mode=0o600)},
        ),
        (
            {
                "downwardAPI": {
                    "items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]
                }
            },
            {"l": File(content=b'a="1"')},
        ),
        (
            {
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "token", "audience": "aws"}},
                        {"secret": {"name": "s"}},
                        {"configMap": {"name": "none", "optional": True}},
                    ]
                }
            },
            {"token": File(content=b"p aws 3600"), "k": File(content=b"v")},
        ),
        ({"emptyDir": {}}, {}),
    ],
    ids=["secret", "mode", "config map", "items", "downward API", "projected", "empty"],
)
def test_content(volume: dict[str, Any], files: dict[str, File]) -> None:
    """Each kind of volume holds the files that Kubernetes puts there."""
    assert content(volume, pod(), Objects()) == files


@pytest.mark.parametrize(
    "volume",
    [
        {"secret": {"secretName": "none"}},
        {"secret": {"secretName": "s", "items": [{"key": "none", "path": "x"}]}},
        {"projected": {"sources": [{"configMap": {"name": "none"}}]}},
    ],
    ids=["object", "key", "projected"],
)
def test_what_is_missing_is_waited_for(volume: dict[str, Any]) -> None:
    """Something that is not optional and does not exist stops the pod."""
    with pytest.raises(Missing):
        content(volume, pod(), Objects())


@pytest.mark.parametrize(
    ("spec", "mode"),
    [
        ({}, 0),
        ({"securityContext": {"runAsUser": 1000}}, 0o600),
        ({"securityContext": {"fsGroup": 1000, "runAsUser": 1000}}, 0o640),
        ({"containers": [{"securityContext": {"runAsUser": 1}}, {}]}, 0),
    ],
    ids=["default", "one user", "group", "several users"],
)
def test_token_files_are_for_those_who_need_them(spec: dict[str, Any], mode: int) -> None:
    """Owner only where all containers run as one user, the group's with fsGroup."""
    assert token_mode(pod(**spec)) == mode


def test_host_paths_are_refused() -> None:
    """The sentence names the volume and its kind."""
    assert refuse(pod(volumes=[{"name": "v", "emptyDir": {}}])) is None
    refusal = refuse(pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}])) or ""
    assert "volume v" in refusal
    assert "hostPath" in refusal
