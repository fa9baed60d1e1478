"""A rig as it lies on disk."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from irsa.errors import InputError, RigError
from irsa.local import lifecycle, logs, network, status, variables
from irsa.local.delays import Delays
from irsa.local.processes import Identity
from irsa.local.rig import Rig, Server, Spec

SPEC = Spec(
    name="r",
    account="111122223333",
    region="eu-west-1",
    kubernetes="v1.36.3",
    binaries="/b",
    address="192.0.2.7",
    servers=(Server(name="cp-1", port=23456),),
    etcd_ports=(20001, 20002),
)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A rig whose supervisor is this very process."""
    found = Rig(tmp_path / "r")
    for directory in (found.aws, found.logs, found.node("cp-1") / "var/run"):
        directory.mkdir(parents=True)
    found.keep_spec(SPEC)
    identity = Identity.of(os.getpid())
    assert identity is not None
    found.keep_supervisor(identity)
    found.ready.write_text("{}")
    credentials = {"accessKeyId": "AKIAEXAMPLE", "secretAccessKey": "se cret"}
    (found.aws / "credentials.json").write_text(json.dumps(credentials))
    ready = {"proxy": "http://127.0.0.1:1", "ca": "/ca.pem", "log": "/log", "pid": 1}
    (found.aws / "ready.json").write_text(json.dumps(ready))
    return found


@pytest.mark.parametrize("name", ["", "A", "a_b", "../a", "-a", "a-", "a" * 41, "a/b", "a\n"])
def test_names_that_cannot_be(name: str) -> None:
    """A name is a part of paths: lower-case letters, digits and dashes."""
    with pytest.raises(InputError):
        Rig.named(name)


def test_spec_comes_back(rig: Rig) -> None:
    """What was stored is what is read."""
    assert rig.spec() == SPEC


def test_rig_of_a_dead_supervisor_is_not_up(rig: Rig) -> None:
    """Another process of the same number, or a boot before this one, does not count."""
    identity = Identity.of(os.getpid())
    assert identity is not None
    assert rig.running()
    rig.keep_supervisor(replace(identity, started=identity.started + 1))
    assert not rig.running()
    rig.keep_supervisor(replace(identity, boot="another"))
    assert not rig.running()


def test_variables_are_complete(rig: Rig) -> None:
    """Everything that leads tools to the rig, and the API server past the proxy."""
    found = variables.variables(rig)
    assert found["NO_PROXY"] == "127.0.0.1,localhost,192.0.2.7"
    assert found["AWS_SECRET_ACCESS_KEY"] == "se cret"
    assert found["HTTPS_PROXY"] == "http://127.0.0.1:1"


def test_without_kubernetes_there_is_nothing_for_kubectl(rig: Rig) -> None:
    """AWS alone: its own variables, and no address of the machine's own."""
    rig.keep_spec(Spec(name="r", account="111122223333", region="eu-west-1"))
    found = variables.variables(rig)
    assert "KUBECONFIG" not in found
    assert found["NO_PROXY"] == "127.0.0.1,localhost"
    value = status.status(rig)
    assert (value["kubernetes"], value["kubeconfig"], value["apiServers"]) == (None, None, [])


def test_delays_are_set_on_a_rig_that_is_up(rig: Rig) -> None:
    """One leaves the others; a rig that is down has none."""
    assert lifecycle.delay(rig, ["iam=5s"]) == Delays(iam=5)
    assert lifecycle.delay(rig, ["jwks=1m"]) == Delays(iam=5, jwks=60)
    assert status.status(rig)["delays"] == {"iam": 5, "jwks": 60}
    rig.ready.unlink()
    with pytest.raises(RigError):
        lifecycle.delay(rig, [])


def test_status_holds_no_secret(rig: Rig) -> None:
    """The status may be shown to anybody."""
    (rig.node("cp-1") / "var/run/static-pods.json").write_text(
        json.dumps({"kube-apiserver": os.getpid()})
    )
    value = status.status(rig)
    assert value["apiServers"][0]["pid"] == os.getpid()
    assert "se cret" not in json.dumps(value)


@pytest.mark.parametrize("ask", [variables.variables, status.status])
def test_rig_that_is_not_up(rig: Rig, ask: object) -> None:
    """Asking a rig that is down names the command that brings it up."""
    rig.ready.unlink()
    with pytest.raises(RigError) as caught:
        ask(rig)  # type: ignore[operator]
    assert caught.value.hint == "irsa local up --name r"


def test_damaged_rig_is_said(rig: Rig) -> None:
    """A file that cannot be read is named, with the way out."""
    (rig.directory / "rig.json").write_text("{")
    with pytest.raises(RigError, match="damaged"):
        rig.spec()


def test_logs_by_name(rig: Rig) -> None:
    """Static pods are known by their names, others by namespace, pod and container."""
    (rig.logs / "etcd.log").write_text("one\ntwo\n")
    for directory, file in (
        ("kube-system_kube-apiserver-cp-1_u", "kube-apiserver"),
        ("shop_web-1_u", "main"),
    ):
        place = rig.node("cp-1") / "var/log/pods" / directory
        place.mkdir(parents=True)
        (place / f"{file}.log").write_text(file)
    assert logs.known(rig) == ["etcd", "kube-apiserver-cp-1", "shop/web-1/main"]
    assert logs.tail(rig, "etcd", lines=1) == "two"
    assert logs.tail(rig, "kube-api", lines=9) == "kube-apiserver"
    with pytest.raises(RigError, match="no log of 'none'"):
        logs.tail(rig, "none", lines=1)


def test_aws_calls(rig: Rig) -> None:
    """Complete lines only: the last one may be half written."""
    assert logs.aws_calls(rig) == []
    (rig.aws / "calls.jsonl").write_text('{"a": 1}\n{"a": ')
    assert logs.aws_calls(rig) == [{"a": 1}]


def test_ports_are_free_and_different() -> None:
    """As many ports as asked for, none twice."""
    assert len(set(network.free_ports(20))) == 20


def test_own_address_is_an_address() -> None:
    """This machine has an address, loopback in the worst case."""
    import ipaddress

    assert ipaddress.ip_address(network.own_address())


def test_a_directory_that_cannot_be_made_is_no_fault_of_ours(tmp_path: Path) -> None:
    """A full or read-only disk is said in a sentence, with a way out."""
    (tmp_path / "file").touch()
    with pytest.raises(RigError, match=r"cannot keep rig r in .*/file: ") as caught:
        lifecycle.up(Rig(tmp_path / "file/r"), lifecycle.Wish(), step=_step)
    assert "XDG_STATE_HOME" in (caught.value.hint or "")


def test_a_copy_that_fills_the_disk_is_said_once(tmp_path: Path) -> None:
    """Not once a file, as the copying library tells it."""
    lost = shutil.Error([(f"/from/{i}", f"/to/{i}", "[Errno 28] No space left") for i in range(9)])
    with (
        pytest.raises(RigError, match=r": \[errno 28\] no space left$"),
        lifecycle._written(Rig(tmp_path / "r")),
    ):
        raise lost


@contextlib.contextmanager
def _step(_text: str) -> Iterator[None]:
    yield
