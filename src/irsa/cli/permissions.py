"""
What `irsa plan --permissions` prints: the least IAM policy for a run, and for whom.

Never here: how a policy is put together.
"""

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irsa.cli import provisioning, session
from irsa.cli.render import console

if TYPE_CHECKING:
    from irsa.aws.call import Call
    from irsa.cli.provisioning import Site
    from irsa.config import Config
    from irsa.provision.permissions import Place
    from irsa.provision.recording import Recorder


class Purpose(StrEnum):
    """What somebody is to be allowed."""

    apply = "apply"
    destroy = "destroy"
    verify = "verify"


def for_verify(config: Path) -> dict[str, Any]:
    """
    The least policy for `irsa verify`; nothing is asked for it.

    Raises:
        InputError: The configuration cannot be read, or is wrong.
    """
    from irsa.arns import partition_of
    from irsa.provision import permissions
    from irsa.verify import permissions as verification

    settings = session.load(config)
    place = verification.place(settings, partition_of(settings.aws.region).name)
    return permissions.policy(verification.calls(settings), place)


def for_apply(site: "Site", *, prune: bool) -> dict[str, Any]:
    """
    The least policy for carrying out the plan that would be made now, and planning it again.

    Raises:
        IrsaError: As for the plan.
    """
    site, recorder = _recording(site)
    found = provisioning.plan(site, prune=prune)
    return _policy(site, recorder, _calls(found.changes))


def for_destroy(site: "Site", *, delete_bucket: bool) -> dict[str, Any]:
    """
    The least policy for removing what there is now, and what an apply would make.

    Raises:
        IrsaError: As for the plan of a removal.
    """
    from irsa.provision import desired, permissions
    from irsa.provision import plan as planning
    from irsa.provision.recording import Nothing
    from irsa.provision.scope import AWS

    site, recorder = _recording(site)
    removal = provisioning.plan_removal(site, delete_bucket=delete_bucket)
    keys = provisioning.keys(site).published
    wish = replace(site.wish, keys=keys, only=site.wish.only & AWS)
    wanted = desired.desired(wish)
    ours = [one for one in wanted if not getattr(one, "needs_others", False)]
    made = planning.build([(one, one.read(Nothing())) for one in ours])
    undone = permissions.undoing(_calls(made.changes), delete_bucket=delete_bucket)
    taken_out = [call for one in wanted for call in getattr(one, "taking_out", ())]
    return _policy(site, recorder, [*_calls(removal.changes), *undone, *taken_out])


def show(policy: dict[str, Any], output: console.Output) -> None:
    """Print a policy, and say so if it is too long for one."""
    from irsa.provision.permissions import MAX_SIZE

    size = len("".join(json.dumps(policy).split()))
    if size > MAX_SIZE:
        console.warning(
            f"the policy has {size} characters, a managed policy may have {MAX_SIZE}: divide its "
            "statements among several"
        )
    console.data(policy, console.Output.json if output is console.Output.text else output)


def _recording(site: "Site") -> "tuple[Site, Recorder]":
    from irsa.provision.recording import Recorder

    recorder = Recorder(door=site.world.aws)
    return replace(site, world=replace(site.world, aws=recorder)), recorder


def _calls(changes: Any) -> "list[Call]":
    from irsa.aws.call import Call
    from irsa.provision.resource import Amend

    steps = [step for change in changes for step in change.steps]
    plain = [step for step in steps if isinstance(step, Call)]
    return [*plain, *(call for step in steps if isinstance(step, Amend) for call in step.calls)]


def _policy(site: "Site", recorder: "Recorder", calls: "list[Call]") -> dict[str, Any]:
    from irsa.provision import permissions

    further = permissions.further(recorder.reads, _own(site.config))
    reads = [*recorder.reads, *further]
    return permissions.policy([*reads, *calls], _place(site, recorder))


def _own(config: "Config") -> frozenset[str]:
    """What irsa keeps whole: roles that it makes, and its bucket."""
    bucket = {config.issuer.bucket} if config.issuer.manage_bucket else set()
    full = (one for one in config.roles if one.management == "full")
    return frozenset(bucket | {one.role_name(config.cluster.name) for one in full})


def _place(site: "Site", recorder: "Recorder") -> "Place":
    from irsa.provision.permissions import Place

    config = site.config
    paths = {name: {path} for name, path in recorder.paths.items()}
    for role in config.roles:
        paths.setdefault(role.role_name(config.cluster.name), set()).add(role.path)
    return Place(
        partition=site.wish.partition,
        account=config.aws.account,
        paths={name: frozenset(found) for name, found in paths.items()},
    )
