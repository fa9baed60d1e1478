"""
What `plan`, `apply` and `destroy` share: the doors, the keys to publish, the two kinds of plan.

Never here: printing results, asking.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from irsa.cli import present, session
from irsa.cli.render import console
from irsa.errors import InputError, RefusedError

if TYPE_CHECKING:
    from irsa.aws.client import Aws
    from irsa.config import Config
    from irsa.identity.keys import PublicKey
    from irsa.kube.client import Kube
    from irsa.provision.desired import Wish
    from irsa.provision.keys import KeyChoice
    from irsa.provision.resource import Plan
    from irsa.provision.scope import Scope
    from irsa.provision.world import World

JWKS_PATH = "/openid/v1/jwks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """
    Where a command works: the configuration, what it wishes for, and the doors.

    Args:
        kube: The cluster; None where it is none of the command's business.
        aws: AWS; None where it is none of the command's business.
    """

    path: Path
    config: "Config"
    wish: "Wish"
    world: "World"
    kube: "Kube | None" = None
    aws: "Aws | None" = None


def enter(
    stack: ExitStack,
    path: Path,
    *,
    only: "Scope | None" = None,
    removing: bool = False,
    kubeconfig: str | None = None,
    context: str | None = None,
) -> Site:
    """
    Read the configuration and open the doors, guards first; the stack closes them.

    Args:
        stack: Closes the doors.
        path: The configuration.
        only: The parts that this is about; all if None. A door that they do not need stays shut.
        removing: Whether they will be removed.
        kubeconfig: As the variable KUBECONFIG.
        context: The context in the kubeconfig.

    Raises:
        InputError: The configuration cannot be read, or is wrong.
        RefusedError: It is another cluster, account or partition.
        KubeError: The cluster cannot be reached.
        AwsError: AWS cannot be reached.
    """
    from irsa.provision import scope
    from irsa.provision.closed import ClosedAws, ClosedKube
    from irsa.provision.desired import Wish
    from irsa.provision.world import World

    config = session.load(path)
    parts = scope.ALL if only is None else only
    kube = aws = None
    if _needs_cluster(config, parts, removing=removing):
        opened = session.open_kube(config, kubeconfig=kubeconfig, context=context)
        kube = stack.enter_context(opened)
    if parts & scope.AWS:
        aws = stack.enter_context(session.open_aws(config))
    world = World(
        aws=ClosedAws() if aws is None else aws,
        kube=ClosedKube() if kube is None else kube,
        web=stack.enter_context(session.open_web()),
        say=console.note,
    )
    wish = Wish(config=config, only=parts, base=str(path.parent))
    return Site(path=path, config=config, wish=wish, world=world, kube=kube, aws=aws)


def _needs_cluster(config: "Config", only: "Scope", *, removing: bool) -> bool:
    from irsa.provision import scope

    keys = config.issuer.keys_from == "cluster" and (removing or publishes(only))
    return keys or bool(only & scope.CLUSTER)


def publishes(only: "Scope") -> bool:
    """Whether the keys matter: the issuer publishes them, the provider waits for them."""
    from irsa.provision.scope import Part

    return bool(only & {Part.issuer, Part.provider})


def plan(site: Site, *, prune: bool = False) -> "Plan":
    """
    Compare what exists with the configuration.

    Raises:
        IrsaError: Something cannot be read, or is not ours.
    """
    from irsa.provision import desired
    from irsa.provision import plan as planning
    from irsa.provision.observe import observe

    choice = keys(site)
    present.require(site, choice.published)
    wish = replace(site.wish, keys=choice.published, prune=prune)
    with console.step(_reading(site)):
        observations = observe(desired.desired(wish), site.world)
    left_out = () if site.config.issuer.publish == "existing" else choice.notes
    notes = (*left_out, *_unseen(site))
    return planning.build(observations, checks=desired.checks(wish), notes=notes)


def keys(site: Site) -> "KeyChoice":
    """
    The public keys to publish; none where nothing is published.

    Raises:
        IrsaError: As for `choose_keys`.
    """
    from irsa.provision.keys import KeyChoice

    if not publishes(site.wish.only):
        return KeyChoice(published=())
    with console.step("see which keys the cluster signs with"):
        return choose_keys(site)


def _reading(site: Site) -> str:
    if site.aws is None:
        return "read the cluster"
    return "read AWS" if site.kube is None else "read AWS and the cluster"


def _unseen(site: Site) -> tuple[str, ...]:
    if site.kube is not None:
        return ()
    return (
        "the cluster is not looked at: its uid is the configuration's, and nobody has seen which "
        "keys it signs with",
    )


def plan_removal(site: Site, *, delete_bucket: bool) -> "Plan":
    """
    Find everything that is ours.

    Raises:
        IrsaError: Something cannot be read, or cannot be removed safely.
    """
    from irsa.provision import desired
    from irsa.provision import plan as planning
    from irsa.provision.observe import observe
    from irsa.provision.scope import Part

    only = site.wish.only
    if delete_bucket and Part.provider not in only:
        raise RefusedError(
            "--delete-bucket without the provider: it would go on trusting a name that anybody "
            "may then take",
            hint="remove the provider with it: --only issuer,provider",
        )
    wish = replace(site.wish, delete_bucket=delete_bucket)
    with console.step(_reading(site)):
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
    from irsa.provision import keys as choosing

    issuer = site.config.issuer
    signing = fleet.signing_kids(site.kube, fleet.discover(site.kube)) if site.kube else frozenset()
    if site.kube and issuer.keys_from == "cluster":
        served = jwks.parse(site.kube.raw(JWKS_PATH), JWKS_PATH)
        return choosing.choose(served, signing, issuer.named_keys)
    files = [site.path.parent / name for name in issuer.keys_from]
    published = _load(files)
    choosing.require_signing(published, signing, source=", ".join(map(str, files)))
    return choosing.KeyChoice(published=published)


def gates(names: list[str], reason: str | None, *, known: frozenset[str]) -> dict[str, str]:
    """
    The gates that the reader overrides, with the reason.

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
    return dict.fromkeys(names, (reason or "").strip())


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
