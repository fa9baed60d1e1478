"""
Policy documents, held against the grammar that IAM and S3 refuse to be without.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
Never here: what a policy allows.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Document = dict[str, Any]
_TOP = {"Version", "Id", "Statement"}
_FIELDS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
    "Condition",
}  # fmt: skip
_OPERATOR = re.compile(
    r"(?:For(?:AnyValue|AllValues):)?"
    r"(?:String(?:Not)?(?:Equals(?:IgnoreCase)?|Like)|Numeric(?:Not)?Equals"
    r"|(?:Numeric|Date)(?:Less|Greater)Than(?:Equals)?|Date(?:Not)?Equals|Bool|BinaryEquals"
    r"|(?:Not)?IpAddress|Arn(?:Not)?(?:Equals|Like))(?:IfExists)?|Null"
)
_FEDERATED = re.compile(
    r"arn:[a-z-]+:iam::\d{12}:(?:oidc-provider|saml-provider)/.+"
    r"|cognito-identity\.amazonaws\.com|accounts\.google\.com|www\.amazon\.com|graph\.facebook\.com"
)
_AWS = re.compile(
    r"\*|\d{12}|arn:[a-z-]+:(?:iam|sts)::\d{12}:(?:root|(?:user|role|assumed-role|federated-user)/.+)"
)
_VENDOR = re.compile(r"\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+")


class MalformedDocumentError(ValueError):
    """A policy document that AWS refuses, in AWS's words."""


def parse(text: str | bytes) -> Document:
    """
    The JSON of a policy.

    Raises:
        MalformedDocumentError: It is not a JSON object, or names something twice.
    """
    try:
        document = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        if isinstance(error, MalformedDocumentError):
            raise
        raise MalformedDocumentError("This policy contains invalid Json") from error
    if not isinstance(document, dict):
        raise MalformedDocumentError("This policy contains invalid Json")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedDocumentError("Syntax errors in policy: a name is given twice")
    return found


def statements(document: Mapping[str, Any]) -> list[Document]:
    """The statements of a policy; one alone may stand without a list."""
    found = document.get("Statement", [])
    return [found] if isinstance(found, dict) else list(found)


def values(field: Any) -> list[Any]:
    """The values of a field that may be one or a list."""
    return field if isinstance(field, list) else [field]


def check_identity(text: str) -> Document:
    """A policy of a role, a user, or a managed one."""
    document = _checked(text)
    for statement in statements(document):
        _refuse(
            statement,
            ("Principal", "NotPrincipal"),
            "Policy document should not specify a principal.",
        )
        _exactly_one(
            statement, "Resource", "NotResource", lacking="Policy statement must contain resources."
        )
        for resource in _texts(statement, "Resource", "NotResource"):
            if resource != "*" and not (
                resource.startswith(("arn:", "*")) and resource.count(":") >= 5
            ):
                raise MalformedDocumentError(f'Resource {resource} must be in ARN format or "*".')
    return document


def check_trust(text: str) -> Document:
    """The trust policy of a role."""
    document = _checked(text)
    for statement in statements(document):
        _refuse(statement, ("Resource", "NotResource"), "Has prohibited field Resource")
        _exactly_one(
            statement, "Principal", "NotPrincipal", lacking="Missing required field Principal"
        )
        if any(
            not action.lower().startswith("sts:")
            for action in _texts(statement, "Action", "NotAction")
        ):
            raise MalformedDocumentError(
                "AssumeRole policy may only specify STS AssumeRole actions."
            )
        _check_principal(statement)
    return document


def check_bucket(text: bytes, bucket: str) -> Document:
    """The policy of a bucket."""
    document = _checked(text)
    for statement in statements(document):
        _exactly_one(
            statement, "Principal", "NotPrincipal", lacking="Missing required field Principal"
        )
        _exactly_one(
            statement, "Resource", "NotResource", lacking="Missing required field Resource"
        )
        if any(
            not re.match(r"s3:|\*$", action, re.IGNORECASE)
            for action in _texts(statement, "Action", "NotAction")
        ):
            raise MalformedDocumentError("Policy has invalid action")
        for resource in _texts(statement, "Resource", "NotResource"):
            if not re.fullmatch(rf"arn:[a-z-]+:s3:::{re.escape(bucket)}(?:/.*)?", resource):
                raise MalformedDocumentError("Policy has invalid resource")
        _check_reach(statement)
        _check_principal(statement)
    return document


def _check_reach(statement: Document) -> None:
    resources = _texts(statement, "Resource", "NotResource")
    on_objects = any("/" in resource.split(":::")[1] for resource in resources)
    on_bucket = any("/" not in resource.split(":::")[1] for resource in resources)
    for action in _texts(statement, "Action"):
        about_objects = re.match(r"s3:[a-z]*object", action, re.IGNORECASE) is not None
        fits = on_objects if about_objects else on_bucket
        if "*" not in action and not fits:
            raise MalformedDocumentError("Action does not apply to any resource(s) in statement")


def _checked(text: str | bytes) -> Document:
    document = parse(text)
    _only(document, _TOP)
    if document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        raise MalformedDocumentError("The policy must contain a valid version string")
    raw = document.get("Statement")
    if not isinstance(raw, dict | list) or not raw:
        raise MalformedDocumentError("Syntax errors in policy: Statement is missing or empty")
    _each(statements(document), _check_statement)
    sids = [statement["Sid"] for statement in statements(document) if "Sid" in statement]
    if len(set(sids)) != len(sids):
        raise MalformedDocumentError("Statement IDs (SID) in a single policy must be unique.")
    return document


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise MalformedDocumentError("Syntax errors in policy: a statement is not an object")
    _only(statement, _FIELDS)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise MalformedDocumentError("Syntax errors in policy: Effect must be Allow or Deny")
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or not re.fullmatch(r"[A-Za-z0-9 ]*", sid):
        raise MalformedDocumentError("Statement IDs (SID) must be alpha-numeric.")
    _exactly_one(statement, "Action", "NotAction", lacking="Policy statement must contain actions.")
    for action in _texts(statement, "Action", "NotAction"):
        if not _VENDOR.fullmatch(action):
            raise MalformedDocumentError(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
            )
    _check_condition(statement.get("Condition", {}))


def _check_condition(condition: Any) -> None:
    if not isinstance(condition, dict):
        raise MalformedDocumentError("Syntax errors in policy: Condition is not an object")
    for operator, keys in condition.items():
        if not _OPERATOR.fullmatch(operator):
            raise MalformedDocumentError(f"Invalid Condition type : {operator}")
        if not isinstance(keys, dict) or not keys:
            raise MalformedDocumentError(f"Syntax errors in policy: {operator} names no key")
        for expected in keys.values():
            if any(isinstance(value, dict | list) or value is None for value in values(expected)):
                raise MalformedDocumentError(f"Syntax errors in policy: a value of {operator}")


def _check_principal(statement: Document) -> None:
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal:
        raise MalformedDocumentError("Invalid principal in policy")
    forms = {"AWS": _AWS, "Federated": _FEDERATED, "Service": re.compile(r"[a-z0-9.-]+\.[a-z.]+")}
    for kind, named in principal.items():
        for name in values(named):
            if kind not in forms or not isinstance(name, str) or not forms[kind].fullmatch(name):
                raise MalformedDocumentError(
                    f'Invalid principal in policy: "{kind.upper()}":"{name}"'
                )


def _texts(statement: Document, *fields: str) -> list[str]:
    found = [value for field in fields if field in statement for value in values(statement[field])]
    if not all(isinstance(value, str) for value in found):
        raise MalformedDocumentError(f"Syntax errors in policy: {fields[0]} is not text")
    return found


def _exactly_one(statement: Document, *fields: str, lacking: str) -> None:
    present = [field for field in fields if field in statement]
    if not present or statement[present[0]] in ([], ""):
        raise MalformedDocumentError(lacking)
    if len(present) > 1:
        raise MalformedDocumentError(f"Syntax errors in policy: both {' and '.join(fields)}")


def _refuse(statement: Document, fields: tuple[str, ...], message: str) -> None:
    if any(field in statement for field in fields):
        raise MalformedDocumentError(message)


def _only(found: Mapping[str, Any], known: set[str]) -> None:
    for name in found:
        if name not in known:
            raise MalformedDocumentError(f"Syntax errors in policy: unknown field {name}")


def _each(items: list[Any], check: Callable[[Any], None]) -> None:
    for item in items:
        check(item)


def size(text: str) -> int:
    """The characters that IAM's quotas count: all but white space."""
    return sum(1 for character in text if not character.isspace())
