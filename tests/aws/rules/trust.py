"""Policies judged, by the code that irsa uses itself."""

from tests.aws.mutation import Mutant
from tests.aws.rules.table import rule

RULES: tuple[Mutant, ...] = (
    rule(
        "trust: deny wins",
        "trust/access.py",
        "        if one.denies:\n",
        "        if False:\n",
        tests="lets_nobody_in",
    ),
    rule(
        "trust: the principal",
        "trust/statement.py",
        "if request.principal is not None and not _covers_principal(statement, request.principal):",
        "if False:",
        tests="lets_nobody_in",
    ),
    rule(
        "trust: the action",
        "trust/statement.py",
        "if not _covers_action(statement, request.action):",
        "if False:",
        tests="lets_nobody_in",
    ),
    rule(
        "trust: the condition",
        "trust/access.py",
        "elif stage is Stage.applies and miss is not None:",
        "elif False:",
        tests="lets_nobody_in",
    ),
    rule(
        "trust: StringEquals takes a star for a star",
        "trust/condition.py",
        '"StringEquals": (_equals, False)',
        '"StringEquals": (_like, False)',
        "web_identity",
    ),
    rule(
        "trust: a missing key fits nothing",
        "trust/condition.py",
        "    if not met:\n        return negated",
        "    if not met:\n        return True",
        tests="lets_nobody_in",
    ),
    rule(
        "trust: Null",
        "trust/condition.py",
        '"true" if not met else "false"',
        '"false" if not met else "true"',
        tests="lets_nobody_in",
    ),
    rule(
        "trust: NotPrincipal lets nobody in",
        "trust/statement.py",
        'return statement["Effect"] == "Deny" and not',
        "return not",
        tests="lets_nobody_in",
    ),
    rule(
        "trust: keys have no case",
        "trust/condition.py",
        "met = present.get(key.lower())",
        "met = present.get(key)",
        tests="web_identity",
    ),
)
