"""
Whom a policy of a resource names: users and roles of this account have to be there.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
Never here: the form of a principal.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from irsa.arns import Arn
from irsa.errors import InputError
from irsa.local.aws import documents
from irsa.local.aws.world import World

_ELEMENTS = ("Principal", "NotPrincipal")
_KINDS = ("AWS", "Federated")


def stranger(world: World, document: documents.Document) -> tuple[str, str] | None:
    """The first principal that cannot be, as kind and name; None if all can."""
    for kind, name in _named(document):
        if name.startswith("arn:") and not _can_be(world, name):
            return kind, name
    return None


def _named(document: documents.Document) -> Iterator[tuple[str, str]]:
    for statement in documents.statements(document):
        for element in _ELEMENTS:
            principal = statement.get(element)
            if isinstance(principal, dict):
                for kind in _KINDS:
                    yield from ((kind, one) for one in documents.values(principal.get(kind, [])))


def _can_be(world: World, name: str) -> bool:
    try:
        arn = Arn.parse(name)
    except InputError:
        return False  # of a partition that there is not
    if arn.partition != world.partition:
        return False
    if arn.account != world.account:
        return True  # other accounts cannot be looked into
    kind, _, rest = arn.resource.partition("/")
    known: Mapping[str, Any] = {"user": world.iam.users, "role": world.iam.roles}
    if kind in known:
        return any(one.arn == name for one in known[kind].values())
    return kind != "assumed-role" or world.role(rest.partition("/")[0]) is not None
