"""Where a webhook works: its permissions, a namespace for pods, and the way that it takes."""

import base64
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irsa.injection.settings import CONTROLLER, WEBHOOK
from irsa.injection.webhook import TIMEOUT_SECONDS, WebhookSettings, objects
from irsa.kube.client import Kube
from irsa.kube.objects import Ref

from .access import kubeconfig
from .faults import Way, way_to
from .objects import ROLE, account, remove, space
from .rigs import Rig
from .serving import Webhook, review, start
from .waiting import until

HEARD = "irsa_webhook_cache_heard_timestamp_seconds"
KNOWN = "irsa_webhook_cache_service_accounts"


@dataclass
class Place:
    """
    A namespace for pods, and one with the webhook's ServiceAccount and its permissions.

    Args:
        kube: The cluster, as its administrator.
        own: The webhook's namespace.
        pods: The namespace for pods.
    """

    kube: Kube
    own: str
    pods: str

    def token(self, seconds: int = 3600) -> str:
        """A token of the webhook's ServiceAccount."""
        made = self.kube.create_token(self.own, WEBHOOK, audiences=[], expiration_seconds=seconds)
        return made.token

    def account(self, name: str, *, role: str | None = ROLE) -> None:
        """Make a ServiceAccount."""
        self.kube.create(account(name, self.pods, role=role))

    def annotate(self, name: str, *, role: str | None) -> None:
        """Give a ServiceAccount another role, or none."""
        change = {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role}}}
        self.kube.patch(self.ref(name), change)

    def delete(self, name: str) -> None:
        """Delete a ServiceAccount."""
        self.kube.delete(self.ref(name))

    def pod(self, account: str, *, kube: Kube | None = None, dry_run: bool = True) -> bool:
        """Create a pod (by default in a dry run), and say whether it has got its role."""
        pod = json.loads(review(account, self.pods))["request"]["object"]
        made = (kube or self.kube).create(pod, dry_run=dry_run)
        return any(volume["name"] == "aws-iam-token" for volume in made["spec"]["volumes"])

    def ref(self, name: str) -> Ref:
        return Ref("v1", "ServiceAccount", name, self.pods)


@contextlib.contextmanager
def placed(kube: Kube, name: str, *, registration: bool = False) -> Iterator[Place]:
    """Everything of an installed webhook but its processes and, by default, its registration."""
    place = Place(kube, f"{name}-own", f"{name}-pods")
    settings = WebhookSettings(cluster_uid=kube.cluster_uid(), namespace=place.own)
    left_out = ("Deployment", "" if registration else "MutatingWebhookConfiguration")
    items = [item for item in objects(settings) if item["kind"] not in left_out]
    items.append(space(place.pods))
    try:
        for item in items:
            kube.apply(item)
        until(lambda: kube.get(place.ref("default")))
        yield place
    finally:
        remove(kube, items)


@contextlib.contextmanager
def registered(place: Place, webhook: Webhook) -> Iterator[None]:
    """The API server asks this webhook about pods of the place."""
    bundle = base64.b64encode(webhook.authority.certificate_pem).decode()
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    hook = {
        "name": "pod-identity-webhook.irsa.test",
        "failurePolicy": "Ignore",
        "timeoutSeconds": TIMEOUT_SECONDS,
        "clientConfig": {"url": f"https://127.0.0.1:{webhook.port}/mutate", "caBundle": bundle},
        "rules": [rule | {"resources": ["pods"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.pods}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    registration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": place.own},
        "webhooks": [hook],
    }
    place.kube.create(registration)
    try:
        place.account("registered")
        until(lambda: place.pod("registered"))
        yield
    finally:
        place.kube.delete(Ref.of(registration))
        place.delete("registered")


@contextlib.contextmanager
def controlling(place: Place, server: dict[str, Any], directory: Path) -> Iterator[Path]:
    """A running `irsa controller` with its own permissions; its log."""
    token = place.kube.create_token(place.own, CONTROLLER, audiences=[]).token
    config, log = directory / "controller.kubeconfig", directory / "controller.log"
    config.write_text(kubeconfig(server["url"], server["ca"], token=token))
    arguments = ["--namespace", place.own, "--kubeconfig", str(config), "--period", "1"]
    command = [sys.executable, "-m", "irsa", "controller", *arguments]
    with log.open("w") as errors, subprocess.Popen(command, stderr=errors) as child:
        try:
            yield log
        finally:
            child.terminate()


@dataclass
class Setup:
    """A webhook that is ready, the way that it takes, and a place for ServiceAccounts."""

    rig: Rig
    way: Way
    place: Place
    webhook: Webhook

    @property
    def age(self) -> float:
        """How long ago the API server was heard."""
        return time.time() - self.webhook.metric(HEARD)

    def gives(self, name: str) -> bool:
        """Whether a pod of the ServiceAccount gets its role now."""
        return self.webhook.gives_role(name, namespace=self.place.pods)

    def known(self, name: str, *, role: bool = True) -> None:
        """Make a ServiceAccount, and wait until the watch has told of it."""
        before = self.webhook.metric(KNOWN)
        self.place.account(name, role=ROLE if role else None)
        until(lambda: self.webhook.metric(KNOWN) > before)

    def changes_are_seen(self, name: str) -> None:
        """What only the watch can tell: a known ServiceAccount gets a role, and loses it."""
        self.place.annotate(name, role=ROLE)
        until(lambda: self.gives(name))
        self.place.annotate(name, role=None)
        until(lambda: not self.gives(name))


@contextlib.contextmanager
def set_up(rig: Rig, place: Place, directory: Path, **variables: str) -> Iterator[Setup]:
    """A webhook that is ready, and ended at the end."""
    with way_to(rig.status["apiServers"][0], directory / "way") as (way, authority):
        token = place.token()
        webhook = start(way, authority, directory / "webhook", token=token, **variables)
        try:
            until(lambda: webhook.is_ready and way.count("watch"))
            yield Setup(rig, way, place, webhook)
        finally:
            webhook.end()
