"""
The audit log of a command: where it is, and what its first line says.

Never here: what is done.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from irsa.cli.provisioning import Site
    from irsa.config import Config
    from irsa.provision.audit import Trail

_END = 1 << 20  # bytes, a few thousand lines

AuditLog = Annotated[
    Path | None,
    typer.Option(
        "--audit-log",
        metavar="FILE",
        envvar="IRSA_AUDIT_LOG",
        help="Where what is changed is recorded; irsa/audit.jsonl in the user's state directory "
        "unless the configuration names another.",
    ),
]


def path(given: Path | None, config: "Config | None", file: Path) -> Path:
    """
    The audit log: as given, as configured (relative to the configuration), or the default.

    Args:
        given: What the command line says.
        config: The configuration, if there is one.
        file: Its file.
    """
    from irsa.provision import audit

    named = config.audit_log if config else None
    if given is not None:
        return given
    if named:
        return file.parent / named
    return audit.default_path(os.environ, Path.home())


@contextmanager
def recorded(
    site: "Site",
    command: str,
    *,
    log: Path | None,
    digest: str,
    overrides: Mapping[str, str],
) -> Iterator["Site"]:
    """
    The same site, with every change that is made through its doors on record.

    Args:
        site: The site.
        command: What was typed, such as `apply`.
        log: The log, if the command line names one.
        digest: The digest of the plan.
        overrides: The gates that are passed, with the reasons.

    Raises:
        InputError: The log cannot be written; nothing was changed.
    """
    from irsa.provision import audit

    caller = site.aws.identity().arn if site.aws else None
    where = path(log, site.config, site.path)
    fields = {"caller": caller, "plan": digest, "only": sorted(site.wish.only)}
    with opened(where, command, site.config, overrides=overrides, **fields) as trail:
        yield replace(site, world=audit.audited(site.world, trail))


@contextmanager
def opened(
    where: Path,
    command: str,
    config: "Config | None",
    *,
    overrides: Mapping[str, str],
    **fields: Any,
) -> Iterator["Trail"]:
    """
    The record of a command, from its beginning to its end.

    Raises:
        InputError: The log cannot be written; nothing was changed.
    """
    from irsa import __version__
    from irsa.provision import audit

    cluster = {"name": config.cluster.name, "uid": config.cluster.uid} if config else None
    told = [{"gate": gate, "reason": why} for gate, why in sorted(overrides.items())]
    with audit.run(
        where,
        command,
        version=__version__,
        cluster=cluster,
        account=config.aws.account if config else None,
        overrides=told,
        **fields,
    ) as trail:
        yield trail


def let_show(site: "Site", log: Path | None, *, removing: bool) -> None:
    """
    Wait until IAM shows what a run that did not finish wrote a moment ago.

    Args:
        site: The site.
        log: The log, if the command line names one.
        removing: Whether things are about to be removed.
    """
    from irsa.cli.render import console
    from irsa.provision import unfinished

    if not site.aws:
        return
    seconds = unfinished.unseen(
        _end_of(path(log, site.config, site.path)).splitlines(),
        uid=site.config.cluster.uid,
        removing=removing,
        now=datetime.now(UTC),
    )
    if seconds > 0:
        console.note(
            f"waiting: an earlier run did not finish, and IAM may not show yet what it wrote "
            f"({seconds:.0f} s)"
        )
        with console.step("let IAM show what an earlier run wrote"):
            site.world.sleep(seconds)


def _end_of(where: Path) -> bytes:
    """The last lines of a log; nothing where it cannot be read again."""
    try:
        if not where.is_file():
            return b""
        with where.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _END))
            return log.read()
    except OSError:
        return b""
