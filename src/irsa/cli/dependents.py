"""
Who would be hurt by a removal: pods with a role that goes, API servers that sign with the issuer.

Never here: removing anything.
"""

from typing import TYPE_CHECKING

from irsa.cli.provisioning import Site, publishes
from irsa.cli.render import console
from irsa.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from irsa.provision.resource import Plan
    from irsa.provision.scope import Scope
    from irsa.provision.usage import Gate, Use


def relevant(only: "Scope") -> "frozenset[Gate]":
    """The gates that stand before a removal of these parts."""
    from irsa.provision.scope import Part
    from irsa.provision.usage import Gate

    pods = {Gate.pods_in_use} if Part.roles in only else set()
    return frozenset(pods | ({Gate.issuer_in_use} if publishes(only) else set()))


def require_unused(site: Site, removal: "Plan", passed: frozenset[str]) -> None:
    """
    Make sure that nothing depends on what is about to go.

    Raises:
        RefusedError: Something does, or nobody can see whether; and the gate is not overridden.
        KubeError: The cluster cannot be read.
    """
    _require(site, lambda: use(site, removal), relevant(site.wish.only), passed=passed)


def require_unsigned(site: Site, plan: "Plan", passed: frozenset[str]) -> None:
    """
    Make sure that no API server signs with an issuer that a plan takes away.

    Raises:
        RefusedError: One does, or nobody can see whether; and the gate is not overridden.
        KubeError: The cluster cannot be read.
    """
    from irsa.provision import usage

    if taken := usage.issuers_removed(plan):
        gates = frozenset({usage.Gate.issuer_in_use})
        _require(site, lambda: usage.Use(servers=_signing(site, taken)), gates, passed=passed)


def _require(
    site: Site, find: "Callable[[], Use]", gates: "frozenset[Gate]", *, passed: frozenset[str]
) -> None:
    from irsa.provision import usage

    closed = sorted(gates - passed)
    if site.kube is not None:
        with console.step("look for pods and API servers that still depend on it"):
            found = find()
        usage.require_unused(found, passed)
    elif closed:
        raise RefusedError(
            f"the cluster is not looked at, so nobody knows whether it still depends on this "
            f"({', '.join(closed)})",
            hint=f"when you know: --override {' --override '.join(closed)} --reason TEXT",
        )


def use(site: Site, removal: "Plan") -> "Use":
    """
    Who depends on what a removal would take away.

    Raises:
        KubeError: The cluster cannot be read.
    """
    from irsa.provision import usage

    if site.kube is None:
        return usage.Use()
    return usage.Use(
        pods=usage.pods_with_roles(
            site.kube.list("v1", "Pod"), usage.roles_removed(removal, site.config.aws.account)
        ),
        servers=_signing(site, _issuers(site, removal)),
    )


def _issuers(site: Site, removal: "Plan") -> frozenset[str]:
    """The issuers that go; an existing one stays, unless it is read from a bucket of irsa's."""
    from irsa.provision import usage

    own = frozenset({str(site.config.issuer_url)})
    others = usage.issuers_removed(removal) - own
    stays = site.config.issuer.publish == "existing" and not usage.takes_documents(removal)
    return others if stays or not publishes(site.wish.only) else others | own


def _signing(site: Site, issuers: frozenset[str]) -> dict[str, str]:
    """The API servers that sign with one of these issuers, and with which."""
    from irsa.apiserver import fleet, present

    if site.kube is None or not issuers:
        return {}
    found = {}
    for server in fleet.survey(site.kube).servers:
        with site.kube.at(server.url) as there:
            found[server.name] = present.named(there)
    return {server: issuer for server, issuer in found.items() if issuer in issuers}
