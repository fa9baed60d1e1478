"""Secrets and `caBundle` deleted, damaged, or read-only while the controller runs."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from irsa.controller.certificates import REGISTRATION
from irsa.controller.secrets import bundle, read_certificates
from irsa.errors import KubeError
from irsa.injection.settings import CA_SECRET, TLS_SECRET
from irsa.kube.objects import Ref
from irsa.tls.certs import Authority

from .controlling import Installation
from .history import History
from .running import Process
from .trusting import now, trusts
from .waiting import until

pytestmark = pytest.mark.cluster

NOT_KEPT = "NotKept"
NOTHING = {"tls.crt": "", "tls.key": ""}


@pytest.fixture(name="first", scope="module")
def _first(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Process:
    """One controller for all tests here: after each of them it is as well as before."""
    return installation.start(tmp_path_factory.mktemp("controller"))


@pytest.fixture(name="running")
def _running(installation: Installation, first: Process) -> Iterator[Process]:
    """A controller that has made everything."""
    until(lambda: installation.holds and first.is_ready, "everything is made")
    yield first
    until(lambda: installation.holds and first.is_ready, "everything is well again")
    assert first.child.poll() is None
    assert "Traceback" not in first.text


@pytest.fixture(name="history")
def _history(installation: Installation, running: Process) -> Iterator[History]:  # noqa: ARG001 # made before
    with History(installation) as history:
        history.catch_up()
        yield history


@contextlib.contextmanager
def paused(process: Process) -> Iterator[None]:
    """It does nothing while several things happen; for much less than its Lease lasts."""
    process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal(signal.SIGCONT)


def heals(installation: Installation) -> None:
    """Wait until everything is whole, and stays as it is."""
    until(lambda: installation.holds, "it is whole again")


def deleted(installation: Installation, name: str) -> None:
    installation.lose(name)


def garbled(installation: Installation, name: str) -> None:
    overwrite(installation, name, {"tls.crt": "AAAA", "tls.key": "AAAA"})


def overwrite(installation: Installation, name: str, data: dict[str, str], **changes: Any) -> None:
    """Change some of its data; what its type needs besides stays."""
    installation.change(name, data=installation.secret(name)["data"] | data, **changes)


def halved(installation: Installation, name: str) -> None:
    overwrite(installation, name, {"tls.key": ""})


def mixed(installation: Installation, name: str) -> None:
    """The key of another pair."""
    other = CA_SECRET if name == TLS_SECRET else TLS_SECRET
    overwrite(installation, name, {"tls.key": installation.secret(other)["data"]["tls.key"]})


def retyped(type_: str, data: dict[str, str]) -> Callable[[Installation, str], None]:
    """Made anew as a Secret of another type, which cannot be changed back."""

    def damage(installation: Installation, name: str) -> None:
        deleted(installation, name)
        metadata = {"name": name, "namespace": installation.own}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": type_}
        installation.kube.create(secret | {"data": data})

    return damage


DAMAGES = {
    "deleted": deleted,
    "garbled": garbled,
    "halved": halved,
    "mixed": mixed,
    "opaque": retyped("Opaque", {}),
    "basic-auth": retyped("kubernetes.io/basic-auth", {"username": "eA=="}),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", [CA_SECRET, TLS_SECRET])
def test_damaged_secret_heals_without_a_moment_of_distrust(
    installation: Installation,
    history: History,
    name: str,
    damage: Callable[[Installation, str], None],
) -> None:
    """Whatever was done to it, what is served and what was before it is trusted all the time."""
    before = installation.leaf
    damage(installation, name)
    until(lambda: installation.holds and installation.leaf != before, "it is whole again")
    assert history.gaps() == []


def clear(_: bytes) -> bytes | None:
    return None


BUNDLES: dict[str, Callable[[bytes], bytes | None]] = {
    "deleted": clear,
    "foreign": lambda _: bundle([_foreign()]),
    "foreign-before": lambda pem: bundle([_foreign()]) + pem,
    "twice": lambda pem: pem + pem,
}


def _foreign() -> Any:
    made = Authority.generate("foreign", now=now(), days=30)
    return read_certificates(made.certificate_pem)[0]


def patch_bundle(installation: Installation, change: Callable[[bytes], bytes | None]) -> bytes:
    """Change `caBundle` as somebody else does; what it was before."""
    pem = bundle(installation.bundle)
    installation.put_bundle(change(pem))
    return pem


@pytest.mark.parametrize("change", BUNDLES.values(), ids=BUNDLES)
def test_changed_bundle_heals(
    installation: Installation, running: Process, change: Callable[[bytes], bytes | None]
) -> None:
    """Whoever changes it, it is the CA's and nothing else within seconds."""
    leaf = installation.leaf
    before = patch_bundle(installation, change)
    until(
        lambda: installation.bundle and bundle(installation.bundle) == before, "it is written again"
    )
    assert installation.leaf == leaf
    assert running.is_ready


def test_lost_ca_and_lost_bundle_at_once_keep_what_is_served_trusted(
    installation: Installation, running: Process
) -> None:
    """The CA's certificate beside the serving one is what still knows it."""
    leaf = installation.leaf
    with paused(running):
        patch_bundle(installation, clear)
        deleted(installation, CA_SECRET)
    until(lambda: installation.holds and installation.leaf != leaf, "a new CA")
    assert trusts(installation.bundle, leaf)


def test_deleted_registration_is_told_and_gets_its_bundle_when_it_is_back(
    installation: Installation, running: Process
) -> None:
    """Nothing is made in its place: half of one would refuse every pod."""
    installation.kube.delete(REGISTRATION)
    until(lambda: running.metric("registered") == 0, "it is noticed")
    assert running.said("no MutatingWebhookConfiguration") == 1
    assert installation.kube.get(REGISTRATION) is None
    installation.restore()
    heals(installation)
    until(lambda: running.metric("registered") == 1, "it is seen")
    assert running.child.poll() is None


def immutable(installation: Installation, name: str) -> Callable[[], None]:
    """Marked so that nobody may change its data; only deleting helps."""
    installation.change(name, immutable=True)
    return lambda: deleted(installation, name)


def forbidden(installation: Installation, name: str) -> Callable[[], None]:  # noqa: ARG001 # all of a kind
    """The permission to write Secrets is gone."""
    installation.without("Role", "secrets", verb="update")
    return installation.restore


def denied(installation: Installation, name: str) -> Callable[[], None]:
    """An admission policy lets nobody but administrators write this Secret."""
    group = "admissionregistration.k8s.io"
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["secrets"],
        "resourceNames": [name],
    }
    said = "the platform team keeps Secrets"
    expression = "request.userInfo.username.startsWith('system:serviceaccount:') == false"
    policy = {
        "apiVersion": f"{group}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "irsa-test-secrets"},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression, "message": said}],
        },
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "irsa-test-secrets"},
        "spec": {"policyName": "irsa-test-secrets", "validationActions": ["Deny"]},
    }
    for item in (policy, binding):
        installation.kube.apply(item)

    def allow() -> None:
        for item in (binding, policy):
            installation.kube.delete(Ref.of(item))

    return allow


GUARDS = {"immutable": immutable, "rbac": forbidden, "policy": denied}


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
@pytest.mark.parametrize("name", [CA_SECRET, TLS_SECRET])
def test_read_only_secret_is_told_and_heals_when_allowed(
    installation: Installation,
    running: Process,
    guard: Callable[[Installation, str], Callable[[], None]],
    name: str,
) -> None:
    """It says so everywhere, keeps doing the rest, and goes on within seconds."""
    with paused(running):
        garbled(installation, name)
        allow = guard(installation, name)
        until(lambda: is_refused(installation, name), "the guard is in force")
    try:
        is_told(installation, running, name)
        if name == TLS_SECRET:
            before = patch_bundle(installation, clear)
            until(lambda: bundle(installation.bundle) == before, "caBundle heals all the same")
    finally:
        allow()
    until(lambda: installation.holds and running.is_ready, "it heals", seconds=60)
    assert running.metric('task_failing{task="certificates"}') == 0


def is_refused(installation: Installation, name: str) -> bool:
    """Whether the controller may not write this Secret now."""
    secret = installation.secret(name)
    with installation.as_controller() as kube:
        try:
            kube.replace(secret | {"data": secret["data"] | NOTHING}, dry_run=True)
        except KubeError as error:
            return error.status in (403, 422)
    return False


def is_told(installation: Installation, running: Process, name: str) -> None:
    """In readiness, metrics, log, and by an Event beside the Secret."""
    until(lambda: "certificates" in running.complaints, "it is not ready")
    assert running.metric('task_failing{task="certificates"}') == 1
    assert running.said("certificates: ")

    def names() -> list[str]:
        events = installation.events(NOT_KEPT, namespace=installation.own)
        return [event["involvedObject"]["name"] for event in events]

    until(lambda: name in names(), "an Event")


def test_secret_that_cannot_be_read_is_not_made_anew(
    installation: Installation, running: Process
) -> None:
    """It makes nothing anew: what cannot be seen may be whole."""
    leaf = installation.leaf
    installation.without("Role", "secrets", verb="get")
    try:
        until(lambda: "certificates" in running.complaints, "it is noticed")
        patch_bundle(installation, clear)
        assert installation.leaf == leaf
    finally:
        installation.restore()
    until(lambda: installation.holds and running.is_ready, "it goes on")
    assert installation.leaf == leaf


def test_registration_that_may_not_be_written_gets_no_untrusted_certificate(
    installation: Installation, running: Process
) -> None:
    """A CA that `caBundle` does not know signs nothing that is served."""
    leaf = installation.leaf
    installation.without("ClusterRole", "mutatingwebhookconfigurations", verb="patch")
    try:
        until(lambda: may_not_patch(installation), "the permission is gone")
        deleted(installation, CA_SECRET)
        until(lambda: installation.secret(CA_SECRET), "a new CA")
        until(lambda: installation.events(NOT_KEPT, namespace="default"), "an Event")
        assert "certificates" in running.complaints
        assert installation.leaf == leaf
    finally:
        installation.restore()
    until(lambda: installation.holds and installation.leaf != leaf, "a certificate of the new CA")


def may_not_patch(installation: Installation) -> bool:
    """Whether the controller may not write the registration now."""
    with installation.as_controller() as kube:
        try:
            kube.patch(REGISTRATION, {"metadata": {"labels": {"a": "b"}}}, dry_run=True)
        except KubeError as error:
            return error.status == 403
    return False


def test_ca_that_cannot_be_read_leaves_its_certificate_to_be_trusted(
    installation: Installation, running: Process
) -> None:
    """`caBundle` is lost while the CA's Secret is out of reach: what is served stays trusted."""
    leaf = installation.leaf
    with paused(running):
        overwrite(installation, CA_SECRET, NOTHING, immutable=True)
        patch_bundle(installation, clear)
    try:
        until(lambda: trusts(installation.bundle, leaf), "what is beside the certificate helps")
        assert "certificates" in running.complaints
    finally:
        deleted(installation, CA_SECRET)
