"""
Plans in files: what a plan holds for, how it is written, and how it is taken up again.

Never here: printing results, asking.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from irsa.cli.render import console
from irsa.errors import InputError

if TYPE_CHECKING:
    from irsa.cli.provisioning import Site
    from irsa.provision.resource import Plan
    from irsa.provision.saved import Saved, Terms


def terms(site: "Site", *, prune: bool = False) -> "Terms":
    """
    What a plan made here and now holds for.

    Raises:
        InputError: The configuration cannot be read any more.
    """
    from irsa import __version__, files
    from irsa.provision import saved, scope

    config = site.config
    return saved.Terms(
        version=__version__,
        cluster=config.cluster.name,
        uid=config.cluster.uid,
        account=config.aws.account,
        partition=site.wish.partition,
        region=config.aws.region,
        config=saved.digest_of(files.read_bytes(site.path)),
        only=tuple(scope.spell(site.wish.only)),
        prune=prune,
    )


def require_free(path: Path) -> None:
    """
    Make sure that a plan may be written to a file: it is new, or holds an earlier plan.

    Raises:
        InputError: It holds something else, or is no file.
    """
    from irsa import files
    from irsa.provision import saved

    if not path.exists():
        return
    if not path.is_file() or not saved.is_one(files.read_bytes(path)):
        raise InputError(
            f"{path} exists and is not a plan of irsa: it is not overwritten",
            hint="name another file with --out; `irsa plan --output json` prints the plan",
        )


def save(site: "Site", plan: "Plan", path: Path, *, prune: bool = False) -> None:
    """
    Write a plan to a file, for its owner alone.

    Raises:
        InputError: The file cannot be written.
    """
    from irsa import files
    from irsa.provision import saved

    bound = terms(site, prune=prune)
    data = saved.build(bound, plan, now=datetime.now(UTC))
    files.write_atomic(path, data, mode=files.SECRET_MODE)
    console.note(f"written to {path} ({saved.digest(bound, plan)})")
    console.note(f"irsa apply {path} carries out exactly this, and refuses if anything has changed")


def read(path: Path, *, only: list[str], prune: bool) -> "Saved":
    """
    Read a plan from a file.

    Raises:
        InputError: It is no plan, or was changed; or the options are those of making a plan.
    """
    from irsa import files
    from irsa.provision import saved

    if only or prune:
        option = "--only" if only else "--prune"
        raise InputError(
            f"{option} belongs to the making of a plan, {path} is made already",
            hint=f"irsa plan {option} … --out {path}",
        )
    return saved.parse(files.read_bytes(path), str(path))
