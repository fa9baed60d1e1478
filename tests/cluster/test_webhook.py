"""The webhook's own pods, on a real API server: who gets what, and what heals."""

import asyncio
import base64
import contextlib
import copy
import functools
import json
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from irsa.controller.secrets import read_certificates
from irsa.injection.grants import Defaults, Grant, Verdict
from irsa.injection.webhook import TLS_SECRET, WebhookSettings, objects
from irsa.kube import locate
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.kube.stream import Stream
from irsa.local.network import free_ports
from irsa.tls.certs import Authority
from irsa.webhook.directory import Cache
from irsa.webhook.lookup import Lookup
from irsa.webhook.watch import Watch, read_annotations

from .objects import PREFIX, ROLE, remove, space
from .waiting import until

pytestmark = pytest.mark.cluster

GOLDEN = Path(__file__).parents[1] / "golden" / "patches"
CASES = YAML(typ="safe").load((GOLDEN / "cases.yaml").read_text())
RESULTS = YAML(typ="safe").load((GOLDEN / "results.yaml").read_text())
PLACE = "webhook-pods"
CLOSED = "webhook-closed"
OWN = "irsa-webhook-test"
REGISTRATION = Ref(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "irsa-webhook"
)


@dataclass
class Installed:
    """The webhook on a rig, and a namespace to make pods in."""

    kube: Kube
    settings: WebhookSettings

    def account(self, name: str, annotations: dict[str, str], *, namespace: str = PLACE) -> None:
        """Make a ServiceAccount."""
        metadata = {"name": name, "namespace": namespace, "annotations": annotated(annotations)}
        self.kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    def pod(self, name: str, account: str, **changes: Any) -> dict:
        """What the API server makes of a pod, in a dry run."""
        spec = {"serviceAccountName": account, "containers": [{"name": "app", "image": "x"}]}
        namespace = changes.pop("namespace", PLACE)
        annotations = changes.pop("annotations", {})
        metadata = {"name": name, "namespace": namespace, "annotations": annotations}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec | changes}
        return self.kube.create(pod, dry_run=True)

    def mutates(self) -> bool:
        """Whether a pod of the ServiceAccount `probe` gets its role now."""
        return has_role(self.pod("probe", "probe"))

    def secret(self, name: str) -> dict[str, Any] | None:
        """One of the controller's Secrets."""
        return self.kube.get(Ref("v1", "Secret", name, OWN))

    def served(self) -> bytes | None:
        """The certificate that the webhook serves now, as PEM; None if it does not answer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with contextlib.suppress(OSError):
            address = ("127.0.0.1", self.settings.port)
            plain = socket.create_connection(address, timeout=5)
            with plain, context.wrap_socket(plain) as encrypted:
                der = encrypted.getpeercert(binary_form=True)
            return ssl.DER_cert_to_PEM_cert(der).encode()
        return None


def annotated(annotations: dict[str, str]) -> dict[str, str]:
    """Annotations under the prefix."""
    return {f"{PREFIX}/{name}": value for name, value in annotations.items()}


def has_role(pod: dict) -> bool:
    """Whether a pod carries the token's volume."""
    return any(volume["name"] == "aws-iam-token" for volume in pod["spec"]["volumes"])


@pytest.fixture(scope="module", name="installed")
def _installed(rig: Any) -> Iterator[Installed]:
    kube = rig.kube
    port, metrics_port = free_ports(2)
    settings = WebhookSettings(
        cluster_uid=kube.cluster_uid(),
        namespace=OWN,
        replicas=1,
        port=port,
        metrics_port=metrics_port,
        region="eu-west-1",
        allowed_accounts=("111122223333",),
        allowed_roles={CLOSED: ("arn:aws:iam::111122223333:role/closed/*",)},
        config_map=True,
    )
    installed = Installed(kube, settings)
    try:
        for item in objects(settings):
            kube.apply(item)
        kube.apply(space(PLACE))
        kube.apply(space(CLOSED))
        default = Ref("v1", "ServiceAccount", "default", PLACE)
        until(lambda: kube.get(default), "the default ServiceAccount")
        installed.account("probe", {"role-arn": ROLE})
        until(installed.mutates, "the webhook patches pods")
        yield installed
    finally:
        remove(kube, [*objects(settings), space(PLACE), space(CLOSED)])


def test_pod_right_after_its_service_account_never_loses_its_role(installed: Installed) -> None:
    """500 times over one connection: ServiceAccount, then at once its pod."""
    lost = []
    for number in range(500):
        name = f"fresh-{number}"
        installed.account(name, {"role-arn": ROLE})
        if not has_role(installed.pod(name, name)):
            lost.append(name)
    assert lost == []


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["name"] for case in CASES])
def test_table_of_cases_holds(installed: Installed, number: int) -> None:
    """Through the real chain each case gives the reviewed pod, and the pod is valid."""
    case = copy.deepcopy(CASES[number])
    name = f"case-{number}"
    installed.account(name, case["serviceAccount"])
    for container in [*case["spec"].get("initContainers", []), *case["spec"]["containers"]]:
        container["image"] = "x"
    made = installed.pod(name, name, annotations=annotated(case.get("pod", {})), **case["spec"])
    wanted = json.dumps(RESULTS[case["name"]].get("spec", case["spec"]))
    assert_contains(
        made["spec"], json.loads(wanted.replace("shop.web", f"{PLACE}.{name}")), at="spec"
    )


def assert_contains(found: Any, wanted: Any, *, at: str) -> None:
    """What was wanted is there; what the API server adds itself does not count."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            assert key in found, f"{at}.{key} is missing"
            assert_contains(found[key], value, at=f"{at}.{key}")
    elif isinstance(wanted, list):
        found = [item for item in found if not own_token(item)]
        assert len(found) == len(wanted), f"{at}: {json.dumps(found)}"
        for index, (item, value) in enumerate(zip(found, wanted, strict=True)):
            assert_contains(item, value, at=f"{at}[{index}]")
    else:
        assert found == wanted, at


def own_token(item: Any) -> bool:
    """Whether this is the API server's own token, in a list of volumes or mounts."""
    return isinstance(item, dict) and item.get("name", "").startswith("kube-api-access-")


def test_pod_without_a_service_account_uses_the_default(installed: Installed) -> None:
    """The ServiceAccount `default` can have a role too."""
    default = Ref("v1", "ServiceAccount", "default", PLACE)
    installed.kube.patch(default, {"metadata": {"annotations": annotated({"role-arn": ROLE})}})
    until(lambda: has_role(installed.pod("plain", "")), "the default ServiceAccount's role")


def test_mirror_pod_stays_valid(installed: Installed) -> None:
    """A static pod's mirror may have no projected token: with one the API server refuses it."""
    default = Ref("v1", "ServiceAccount", "default", PLACE)
    installed.kube.patch(default, {"metadata": {"annotations": annotated({"role-arn": ROLE})}})
    mirror = {"kubernetes.io/config.mirror": "0123456789abcdef"}
    made = installed.pod("static", "", annotations=mirror, nodeName="somewhere")
    assert "volumes" not in made["spec"]


@pytest.fixture(name="stream")
def _stream(rig: Any) -> Stream:
    connection = locate.connection(str(rig.kubeconfig), None, environment=rig.env)
    return Stream(connection)


def test_live_read_alone_is_enough(installed: Installed, stream: Stream) -> None:
    """With a cache that never hears of anything every role is still found, and a ghost's is not."""
    installed.account("unheard", {"role-arn": ROLE})
    read = functools.partial(read_annotations, stream)
    lookup = Lookup(Cache(), read, defaults=Defaults())

    async def ask() -> list[Verdict]:
        names = ["unheard", "ghost", "unheard"]
        found = [await lookup.find(PLACE, name, patience=20) for name in names]
        await stream.close()
        return found

    granted, nothing, again = asyncio.run(ask())
    assert isinstance(granted, Grant)
    assert nothing is None
    assert again == granted


def test_watch_sees_what_comes_changes_and_goes(installed: Installed, stream: Stream) -> None:
    """The cache follows a real API server: added, annotated, deleted."""
    cache = Cache()
    name = Ref("v1", "ServiceAccount", "watched", PLACE)

    async def follow() -> None:
        task = asyncio.create_task(Watch(stream, cache, defaults=Defaults()).run())
        await comes(lambda: cache.synced)
        await asyncio.to_thread(installed.account, "watched", {})
        await comes(lambda: cache.knows(PLACE, "watched"))
        change = {"metadata": {"annotations": annotated({"role-arn": ROLE})}}
        await asyncio.to_thread(installed.kube.patch, name, change)
        await comes(lambda: isinstance(cache.get(PLACE, "watched"), Grant))
        await asyncio.to_thread(installed.kube.delete, name)
        await comes(lambda: not cache.knows(PLACE, "watched"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.close()

    async def comes(condition: Callable[[], bool]) -> None:
        for _ in range(1200):
            if condition():
                return
            await asyncio.sleep(0.05)
        pytest.fail("the watch did not tell of it")

    asyncio.run(follow())


def test_role_of_the_config_map_is_given(installed: Installed) -> None:
    """As with AWS's webhook: one ConfigMap, for ServiceAccounts without an annotation."""
    installed.account("mapped", {})
    assert not has_role(installed.pod("mapped", "mapped"))
    text = json.dumps({f"{PLACE}/mapped": {"RoleARN": ROLE}})
    metadata = {"name": "pod-identity-webhook", "namespace": OWN}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    installed.kube.apply(config_map | {"data": {"config": text}})
    until(lambda: has_role(installed.pod("mapped", "mapped")), "the mapping is seen")


def test_role_that_the_namespace_may_not_have_is_not_given(installed: Installed) -> None:
    """The patterns of one namespace hold there, and nowhere else."""
    for name, role in (("own", "closed/web"), ("other", "web")):
        arn = f"arn:aws:iam::111122223333:role/{role}"
        installed.account(name, {"role-arn": arn}, namespace=CLOSED)
    assert has_role(installed.pod("own", "own", namespace=CLOSED))
    made = installed.pod("other", "other", namespace=CLOSED)
    assert not any(volume["name"] == "aws-iam-token" for volume in made["spec"].get("volumes", []))


def test_controller_shows_what_it_does(installed: Installed) -> None:
    """In its own pod: it acts, knows when the certificates end, and has looked at pods."""
    address = f"http://127.0.0.1:{installed.settings.metrics_port}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def shown() -> str:
        with opener.open(f"{address}/metrics", timeout=20) as answer:
            return answer.read().decode()

    until(lambda: "irsa_controller_unmutated_pods " in shown(), "pods were looked at")
    assert "irsa_controller_leader 1" in shown()
    assert '_expiry_timestamp_seconds{certificate="serving"}' in shown()
    assert "irsa_controller_failures_total" in shown()
    with opener.open(f"{address}/healthz", timeout=20) as answer:
        assert answer.status == 200


def test_label_keeps_the_webhook_away(installed: Installed) -> None:
    """A pod with the skip label is never sent to the webhook."""
    metadata = {"name": "skip", "namespace": PLACE}
    metadata["labels"] = {f"{PREFIX}/skip-pod-identity-webhook": "true"}
    spec = {"serviceAccountName": "probe", "containers": [{"name": "app", "image": "x"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    assert not has_role(installed.kube.create(pod, dry_run=True))


def test_pod_template_gets_the_role_in_its_pods_only(installed: Installed) -> None:
    """A Deployment is stored as it was written; its pods are patched."""
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"serviceAccountName": "probe", "containers": [{"name": "app", "image": "x"}]},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": PLACE},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template},
    }
    stored = installed.kube.create(deployment)
    assert "volumes" not in stored["spec"]["template"]["spec"]
    pods = until(
        lambda: installed.kube.list("v1", "Pod", namespace=PLACE, label_selector="app=web"),
        "the Deployment's pod",
    )
    assert has_role(pods[0])
    installed.kube.delete(Ref.of(deployment))


def test_applying_again_leaves_the_bundle_alone(installed: Installed) -> None:
    """`caBundle` is the controller's: an apply of the same objects does not take it out."""
    before = installed.kube.get(REGISTRATION)["webhooks"][0]["clientConfig"]["caBundle"]
    for item in objects(installed.settings):
        installed.kube.apply(item)
    assert installed.kube.get(REGISTRATION)["webhooks"][0]["clientConfig"]["caBundle"] == before
    assert installed.mutates()


def test_applying_again_would_change_nothing(installed: Installed) -> None:
    """The API server keeps what was applied as it was written: a second plan is empty."""
    for item in objects(installed.settings):
        kept = without_bookkeeping(installed.kube.get(Ref.of(item)))
        assert without_bookkeeping(installed.kube.apply(item, dry_run=True)) == kept
        assert_contains(kept, item, at=item["kind"])


def without_bookkeeping(found: dict | None) -> dict:
    """An object without what changes by itself."""
    assert found is not None
    kept = {key: value for key, value in found.items() if key != "status"}
    dropped = ("managedFields", "resourceVersion")
    metadata = {key: value for key, value in found["metadata"].items() if key not in dropped}
    return kept | {"metadata": metadata}


def test_deleted_certificate_is_made_again_and_served(installed: Installed) -> None:
    """Deleting the Secret rotates the certificate, all the way to what is served."""
    before = installed.served()
    installed.kube.delete(Ref("v1", "Secret", TLS_SECRET, OWN))
    until(lambda: installed.served() not in (None, before), "a new certificate is served")
    [served] = read_certificates(installed.served())
    made = base64.b64decode(installed.secret(TLS_SECRET)["data"]["tls.crt"])
    assert read_certificates(made) == (served,)
    assert installed.mutates()


def test_lost_authority_costs_no_pod_its_role(installed: Installed) -> None:
    """While CA, bundle and certificate are replaced, every pod still gets its role."""
    before = installed.served()
    lost = []

    def rotated() -> bool:
        if not installed.mutates():
            lost.append(time.monotonic())
        return installed.served() not in (None, before)

    installed.kube.delete(Ref("v1", "Secret", "irsa-webhook-ca", OWN))
    until(rotated, "a certificate of the new CA is served")
    assert lost == []
    assert installed.mutates()


@pytest.mark.parametrize("damage", ["removed", "foreign"])
def test_damaged_bundle_heals(installed: Installed, damage: str) -> None:
    """Whoever takes `caBundle` away or puts another CA there, it comes back."""
    good = installed.kube.get(REGISTRATION)["webhooks"][0]["clientConfig"]["caBundle"]
    change = {"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}
    if damage == "foreign":
        other = Authority.generate("somebody else", now=datetime.now(UTC), days=1)
        bundle = base64.b64encode(other.certificate_pem).decode()
        change |= {"op": "replace", "value": bundle}
    installed.kube.patch(REGISTRATION, [change], kind="json")
    until(
        lambda: (
            installed.kube.get(REGISTRATION)["webhooks"][0]["clientConfig"].get("caBundle") == good
        ),
        "the bundle is back",
    )
    until(installed.mutates, "pods are patched again")


def _access(kube: Kube, account: str, **attributes: str) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {
            "user": f"system:serviceaccount:{OWN}:{account}",
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": attributes,
        },
    }
    return bool(kube.create(review)["status"]["allowed"])


@pytest.mark.parametrize(
    ("account", "attributes", "allowed"),
    [
        ("irsa-webhook", {"verb": "watch", "resource": "serviceaccounts"}, True),
        ("irsa-webhook", {"verb": "patch", "resource": "serviceaccounts"}, False),
        ("irsa-webhook", {"verb": "get", "resource": "secrets", "namespace": OWN}, False),
        ("irsa-webhook", {"verb": "list", "resource": "pods"}, False),
        ("irsa-controller", {"verb": "get", "resource": "secrets", "namespace": OWN}, False),
        ("irsa-controller", {"verb": "get", "resource": "secrets", "namespace": PLACE}, False),
        ("irsa-controller", {"verb": "list", "resource": "secrets", "namespace": OWN}, False),
        ("irsa-controller", {"verb": "list", "resource": "serviceaccounts"}, True),
        ("irsa-controller", {"verb": "patch", "resource": "serviceaccounts"}, False),
        ("irsa-controller", {"verb": "create", "resource": "pods"}, False),
        ("irsa-controller", {"verb": "create", "resource": "events"}, True),
        (
            "irsa-controller",
            {"verb": "patch", "group": "apps", "resource": "deployments", "namespace": PLACE},
            False,
        ),
        (
            "irsa-controller",
            {"verb": "get", "resource": "secrets", "namespace": OWN, "name": TLS_SECRET},
            True,
        ),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else str(value),
)
def test_processes_may_do_what_they_need_and_no_more(
    installed: Installed, account: str, attributes: dict, allowed: bool
) -> None:
    """The one that faces the network reads ServiceAccounts; the other its own Secrets by name."""
    assert _access(installed.kube, account, **attributes) is allowed
