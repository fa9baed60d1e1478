"""The rules of the local AWS: a table for each part, with the change that takes a rule out."""

from tests.aws.mutation import Mutant
from tests.aws.rules import (
    access,
    buckets,
    delays,
    grammar,
    objects,
    providers,
    roles,
    sign_on,
    signatures,
    sts,
    trust,
)

_TABLES = (
    access,
    buckets,
    delays,
    grammar,
    objects,
    providers,
    roles,
    sign_on,
    signatures,
    sts,
    trust,
)

RULES: tuple[Mutant, ...] = tuple(one for table in _TABLES for one in table.RULES)

# Refusals that no test brings about, as expressions for their names, each with the reason.
SPARED = (
    r"local/aws/__main__\.py",  # another process; its own tests start it
    r"its times are not numbers",  # for the type checker: the parser refuses such a token
    r"has no member",  # a mistake of a handler, not of a client
    r"sts\.py:\d+ raise ApiError\('MissingAuthenticationToken'",  # refused before, for all calls
    r"raise problems\.limit\(f'RolesPerAccount",  # a thousand roles take too long
)
