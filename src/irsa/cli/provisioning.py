"""
What `plan`, `apply` and `destroy` share: the doors, the keys to publish, the two kinds of plan.

Never here: printing results, asking.
"""

import json
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from irsa.cli import session
from irsa.cli.render import console
from irsa.errors import InputError, RefusedError

if TYPE_CHECKING:
    from irsa.config import Config
    from irsa.identity.keys import PublicKey
    from irsa.kube.client import Kube
    from irsa.provision.desired import Wish
    from irsa.provision.keys import KeyChoice
    from irsa.provision.resource import Plan
    from irsa.provision.usage import Use
    from irsa.provision.world import World

JWKS_PATH = "/openid/v1/jwks"
DISCOVERY_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a command works: the configuration, what it wishes for, and the doors."""

    path: Path
    config: "Config"
    wish: "Wish"
    kube: "Kube"
    world: "World"


def enter(
    stack: ExitStack,
    path: Path,
    *,
    kubeconfig: str | None = None,
    context: str | None = None,
) -> Site:
    """
    Read the configuration and open the doors, guards first; the stack closes them.

    Raises:
        InputError: The configuration cannot be read, or is wrong.
        RefusedError: It is another cluster, account or partition.
        KubeError: The cluster cannot be reached.
        AwsError: AWS cannot be reached.
    """
    from irsa.provision.desired import Wish
    from irsa.provision.world import World

    config = session.load(path)
    kube = stack.enter_context(session.open_kube(config, kubeconfig=kubeconfig, context=context))
    aws = stack.enter_context(session.open_aws(config))
    web = stack.enter_context(session.open_web())
    world = World(aws=aws, kube=kube, web=web, say=console.note)
    return Site(path=path, config=config, wish=Wish(config=config), kube=kube, world=world)


def plan(site: Site, *, prune: bool = False) -> "Plan":
    """
    Compare what exists with the configuration.

    Raises:
        IrsaError: Something cannot be read, or is not ours.
    """
    from irsa.provision import desired
    from irsa.provision import plan as planning
    from irsa.provision.observe import observe

    with console.step("see which keys the cluster signs with"):
        choice = choose_keys(site)
    wish = replace(site.wish, keys=choice.published, prune=prune)
    with console.step("read AWS and the cluster"):
        observations = observe(desired.desired(wish), site.world)
    return planning.build(observations, checks=desired.checks(wish), notes=choice.notes)


def plan_removal(site: Site, *, delete_bucket: bool) -> "Plan":
    """
    Find everything that is ours.

    Raises:
        IrsaError: Something cannot be read, or cannot be removed safely.
    """
    from irsa.provision import desired
    from irsa.provision import plan as planning
    from irsa.provision.observe import observe

    wish = replace(site.wish, delete_bucket=delete_bucket)
    with console.step("read AWS and the cluster"):
        observations = observe(desired.removable(wish), site.world)
    return planning.build_removal(observations)


def choose_keys(site: Site) -> "KeyChoice":
    """
    The public keys to publish.

    Raises:
        RefusedError: A key that the cluster signs with would be missing.
        InputError: A key file cannot be used.
    """
    from irsa.apiserver import fleet
    from irsa.identity import jwks
    from irsa.provision import keys

    signing = fleet.signing_kids(site.kube, fleet.discover(site.kube))
    issuer = site.config.issuer
    if issuer.keys_from == "cluster":
        served = jwks.parse(site.kube.raw(JWKS_PATH), JWKS_PATH)
        return keys.choose(served, signing, issuer.named_keys)
    files = [site.path.parent / name for name in issuer.keys_from]
    published = _load(files)
    keys.require_signing(published, signing, source=", ".join(map(str, files)))
    return keys.KeyChoice(published=published)


def use(site: Site, removal: "Plan") -> "Use":
    """
    Who depends on what a removal would take away.

    Raises:
        KubeError: The cluster cannot be read.
    """
    from irsa.apiserver import fleet
    from irsa.provision import usage

    issuers = {}
    for server in fleet.survey(site.kube).servers:
        with site.kube.at(server.url) as there:
            issuers[server.name] = str(json.loads(there.raw(DISCOVERY_PATH))["issuer"])
    return usage.Use(
        pods=usage.pods_with_roles(
            site.kube.list("v1", "Pod"), usage.roles_removed(removal, site.config.aws.account)
        ),
        servers=usage.servers_with_issuer(issuers, str(site.config.issuer_url)),
    )


def gates(names: list[str], reason: str | None, *, known: frozenset[str]) -> frozenset[str]:
    """
    The gates that the reader overrides.

    Raises:
        InputError: There is no such gate, or no reason is given.
    """
    for name in names:
        if name not in known:
            raise InputError(
                f"there is no gate {name!r}", hint=f"the gates are: {', '.join(sorted(known))}"
            )
    if names and not (reason or "").strip():
        raise InputError(f"--override {names[0]} needs a reason", hint="say why with --reason TEXT")
    for name in names:
        console.warning(f"gate {name} overridden: {reason}")
    return frozenset(names)


def require_name(site: Site, given: str | None) -> None:
    """
    Make sure that the reader means this cluster.

    Raises:
        RefusedError: The name is another one.
    """
    if given != site.config.cluster.name:
        raise RefusedError(
            f"{given!r} is not the name of the cluster in {site.path}",
            hint="nothing was changed; the name is cluster.name in the configuration",
        )


def _load(files: list[Path]) -> "tuple[PublicKey, ...]":
    from irsa import files as disk
    from irsa.identity import jwks
    from irsa.identity.keys import load_public_keys

    found = [key for file in files for key in load_public_keys(disk.read_bytes(file), str(file))]
    return jwks.merge((), found)
