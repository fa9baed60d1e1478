"""
Who would be hurt by a removal: pods with a role that goes, API servers that sign with the issuer.

Never here: removing anything.
"""

import json
from typing import TYPE_CHECKING

from irsa.cli.provisioning import Site, publishes
from irsa.cli.render import console
from irsa.errors import RefusedError

if TYPE_CHECKING:
    from irsa.provision.resource import Plan
    from irsa.provision.scope import Scope
    from irsa.provision.usage import Gate, Use

DISCOVERY_PATH = "/.well-known/openid-configuration"


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
    from irsa.provision import usage

    closed = sorted(relevant(site.wish.only) - passed)
    if site.kube is not None:
        with console.step("look for pods and API servers that still depend on it"):
            found = use(site, removal)
        usage.require_unused(found, issuer=str(site.config.issuer_url), overridden=passed)
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
    from irsa.apiserver import fleet
    from irsa.provision import usage

    if site.kube is None:
        return usage.Use()
    issuers = {}
    takes_away = publishes(site.wish.only) and site.config.issuer.publish != "existing"
    for server in fleet.survey(site.kube).servers if takes_away else ():
        with site.kube.at(server.url) as there:
            issuers[server.name] = str(json.loads(there.raw(DISCOVERY_PATH))["issuer"])
    return usage.Use(
        pods=usage.pods_with_roles(
            site.kube.list("v1", "Pod"), usage.roles_removed(removal, site.config.aws.account)
        ),
        servers=usage.servers_with_issuer(issuers, str(site.config.issuer_url)),
    )
