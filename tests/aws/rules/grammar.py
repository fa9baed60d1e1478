"""The grammar of policies."""

from tests.aws.mutation import Mutant
from tests.aws.rules.table import rule

RULES: tuple[Mutant, ...] = (
    rule(
        "grammar: versions",
        "documents.py",
        'document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17")',
        "False",
    ),
    rule(
        "grammar: known fields of a policy", "documents.py", "    _only(document, _TOP)", "    pass"
    ),
    rule(
        "grammar: known fields of a statement",
        "documents.py",
        "    _only(statement, _FIELDS)",
        "    pass",
    ),
    rule(
        "grammar: trust has no Resource",
        "documents.py",
        '_refuse(statement, ("Resource", "NotResource"), "Has prohibited field Resource")',
        "pass",
    ),
    rule(
        "grammar: trust is about sts",
        "documents.py",
        'not action.lower().startswith("sts:")',
        "False",
    ),
    rule(
        "grammar: condition operators",
        "documents.py",
        "if not _OPERATOR.fullmatch(operator):",
        "if False:",
    ),
    rule(
        "grammar: identity policies name no principal",
        "documents.py",
        '("Principal", "NotPrincipal"),\n            "Policy document',
        '(),\n            "Policy document',
    ),
)
