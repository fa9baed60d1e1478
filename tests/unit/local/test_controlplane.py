"""The control plane's manifests have kubeadm's form."""

from typing import Any

import pytest
from ruamel.yaml import YAML

from irsa.local import controlplane
from irsa.local.rig import Server, Spec

SERVER = Server(name="cp-1", port=23456)
SPEC = Spec(
    name="r",
    account="111122223333",
    region="eu-west-1",
    kubernetes="v1.36.3",
    binaries="/b",
    address="192.0.2.7",
    servers=(SERVER,),
    etcd_ports=(20001, 20002),
)


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def flags(manifest: Any) -> dict[str, str]:
    _, *rest = manifest["spec"]["containers"][0]["command"]
    return dict(flag.removeprefix("--").split("=", 1) for flag in rest)


@pytest.fixture(scope="module")
def apiserver() -> Any:
    return loaded(controlplane.apiserver_manifest(SPEC, SERVER))


def test_api_server_is_found_by_label_and_annotation(apiserver: Any) -> None:
    """What tools look for on a kubeadm cluster is there."""
    metadata = apiserver["metadata"]
    assert metadata["labels"] == {"component": "kube-apiserver", "tier": "control-plane"}
    assert metadata["annotations"] == {controlplane.ENDPOINT: "127.0.0.1:23456"}


def test_issuer_is_kubeadms_and_audiences_are_not_set(apiserver: Any) -> None:
    """The starting point of every change is that of a new kubeadm cluster."""
    found = flags(apiserver)
    assert found["service-account-issuer"] == "https://kubernetes.default.svc.cluster.local"
    assert "api-audiences" not in found


def test_every_file_lies_in_a_mounted_directory(apiserver: Any) -> None:
    """Flags name files as on a real node, below the mounts."""
    mounts = [each["mountPath"] for each in apiserver["spec"]["containers"][0]["volumeMounts"]]
    files = [value for value in flags(apiserver).values() if value.startswith("/")]
    assert len(files) >= 10
    assert all(any(file.startswith(f"{mount}/") for mount in mounts) for file in files)


def test_one_argument_a_line() -> None:
    """The file looks as kubeadm writes it, so that it can be edited line by line."""
    lines = controlplane.apiserver_manifest(SPEC, SERVER).splitlines()
    assert "    - --service-account-issuer=https://kubernetes.default.svc.cluster.local" in lines
    assert lines[:2] == ["apiVersion: v1", "kind: Pod"]
    assert not [line for line in lines if "#" in line]


def test_controller_manager_listens_nowhere() -> None:
    """Rigs stand side by side."""
    found = flags(loaded(controlplane.controller_manager_manifest(SPEC)))
    assert found["secure-port"] == "0"


def test_etcd_listens_on_loopback_only() -> None:
    """The store is reached with a client certificate, from this machine."""
    command = controlplane.etcd_command(SPEC, pki="/p", data="/d")
    assert "--listen-client-urls=https://127.0.0.1:20001" in command
    assert "--client-cert-auth=true" in command
