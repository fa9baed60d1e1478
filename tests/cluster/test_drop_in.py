"""
A cluster that moves from AWS's webhook to ours and back, while pods are created all the time.

AWS_WEBHOOK may name AWS's own binary; without it our process stands in, with the arguments of AWS's
manifest.
"""

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from irsa.injection.webhook import WebhookSettings, objects
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.local.network import free_ports
from irsa.tls.certs import Authority, LeafRequest

from .objects import account, remove, space
from .waiting import until

pytestmark = pytest.mark.cluster

OWN = "irsa-drop-in"
PLACE = "drop-in-pods"
OLD = "pod-identity-webhook"
ADMISSION = "admissionregistration.k8s.io/v1"
OURS = (sys.executable, "-m", "irsa", "webhook")
# The arguments of AWS's sample manifest.
ARGUMENTS = (
    "--in-cluster=false",
    "--namespace=default",
    "--service-name=pod-identity-webhook",
    "--annotation-prefix=eks.amazonaws.com",
    "--token-audience=sts.amazonaws.com",
    "--sts-regional-endpoint=true",
    "--logtostderr",
    "--v=4",
)


AWS = os.environ.get("AWS_WEBHOOK")
# What the log of the old webhook says for each pod.
REVIEWED = "Pod was " if AWS else '"review"'
# AWS's answers name no version, which only v1beta1 allows.
VERSION = "v1beta1" if AWS else "v1"


@dataclass
class Old:
    """A registration like AWS's, and the log of what it points to."""

    registration: dict
    log: Path

    def is_asked(self) -> Callable[[], bool]:
        """Whether it has answered a review since now."""
        before = self.log.read_text().count(REVIEWED)
        return lambda: self.log.read_text().count(REVIEWED) > before


@pytest.fixture(name="old")
def _old(rig: Any, tmp_path: Path) -> Iterator[Old]:
    """A registration like AWS's, and behind it a process with the arguments of AWS's manifest."""
    authority = Authority.generate("cert-manager", now=datetime.now(UTC), days=1)
    request = LeafRequest(common_name=OLD, ips=("127.0.0.1",))
    leaf = authority.issue(request, now=datetime.now(UTC), days=1)
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    cert.write_bytes(leaf.certificate_pem)
    key.write_bytes(leaf.private_key_pem)
    port, metrics_port = free_ports(2)
    files = [f"--tls-cert={cert}", f"--tls-key={key}", f"--kubeconfig={rig.kubeconfig}"]
    program = [AWS, f"--metrics-port={metrics_port}"] if AWS else OURS
    command = [*program, *ARGUMENTS, f"--port={port}", *files]
    with (tmp_path / "log").open("w") as log:
        child = subprocess.Popen(command, env=rig.env, stderr=log)
        try:
            yield Old(_registration(port, authority), tmp_path / "log")
        finally:
            child.terminate()
            child.wait(30)
            rig.kube.delete(Ref(ADMISSION, "MutatingWebhookConfiguration", OLD))


def _registration(port: int, authority: Authority) -> dict:
    bundle = base64.b64encode(authority.certificate_pem).decode()
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    hook = {
        "name": "pod-identity-webhook.amazonaws.com",
        "failurePolicy": "Ignore",
        "clientConfig": {"url": f"https://127.0.0.1:{port}/mutate", "caBundle": bundle},
        "rules": [rule | {"resources": ["pods"]}],
        "sideEffects": "None",
        "admissionReviewVersions": [VERSION],
    }
    metadata = {"name": OLD}
    return {
        "apiVersion": ADMISSION,
        "kind": "MutatingWebhookConfiguration",
        "metadata": metadata,
        "webhooks": [hook],
    }


class Creator(threading.Thread):
    """Creates pods all the time, in dry runs, and keeps what came out wrong."""

    def __init__(self, kube: Kube) -> None:
        super().__init__()
        self.kube = kube
        self.made = 0
        self.wrong: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            if fault := fault_of(create(self.kube)):
                self.wrong.append(fault)
            self.made += 1

    def goes_on(self) -> None:
        """Wait until some more pods were created."""
        wanted = self.made + 20
        until(lambda: self.made >= wanted, "pods are created")


def create(kube: Kube) -> dict:
    """What the API server makes of a pod."""
    spec = {"serviceAccountName": "web", "containers": [{"name": "app", "image": "x"}]}
    metadata = {"generateName": "web-", "namespace": PLACE}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return kube.create(pod, dry_run=True)


def fault_of(pod: dict) -> str:
    """What is wrong with a pod that should have its role once."""
    volumes = [volume["name"] for volume in pod["spec"]["volumes"] if "token" in volume["name"]]
    [container] = pod["spec"]["containers"]
    names = [variable["name"] for variable in container.get("env", [])]
    if volumes.count("aws-iam-token") != 1 or len(names) != len(set(names)):
        return f"{volumes} {names}"
    return "" if {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"} <= set(names) else f"{names}"


def once_more(old: Old, creator: Creator) -> bool:
    """Whether the old webhook is asked about the next pods."""
    asked = old.is_asked()
    creator.goes_on()
    return asked()


def test_no_pod_loses_its_role_on_the_way_there_and_back(rig: Any, old: Old) -> None:
    """Old alone, both, ours alone, both, old alone: every pod has its role, and one volume."""
    kube = rig.kube
    port, metrics_port = free_ports(2)
    settings = WebhookSettings(
        cluster_uid=kube.cluster_uid(),
        namespace=OWN,
        replicas=1,
        port=port,
        metrics_port=metrics_port,
        region="eu-west-1",
    )
    items = objects(settings)
    ours = Ref.of(items[-1])
    kube.apply(space(PLACE))
    kube.apply(account("web", PLACE))
    kube.create(old.registration)
    until(lambda: not fault_of(create(kube)), "the old webhook patches pods")
    creator = Creator(kube)
    creator.start()
    try:
        creator.goes_on()
        for item in items:
            kube.apply(item)
        until(lambda: "AWS_ROLE_SESSION_NAME" in str(create(kube)), "pods are patched")
        until(lambda: "AWS_DEFAULT_REGION" in str(create(kube)), "ours patches pods too")
        creator.goes_on()
        kube.delete(Ref.of(old.registration))
        creator.goes_on()
        until(lambda: not once_more(old, creator), "the old webhook is not asked any more")
        asked = old.is_asked()
        kube.create(old.registration)
        until(asked, "the old webhook is asked again")
        creator.goes_on()
        kube.delete(ours)
        creator.goes_on()
    finally:
        creator.stopped.set()
        creator.join()
        remove(kube, [space(PLACE), *items])
    assert creator.wrong == []
    assert creator.made >= 100
