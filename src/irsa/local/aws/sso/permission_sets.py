"""
Permission sets, by the roles that IAM Identity Center makes of them in an account.

Every role under its path whose name is `AWSReservedSSO_NAME_` and sixteen digits is one.
Source: https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
Never here: who may have one.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from irsa.local.aws import documents
from irsa.local.aws.world import World
from irsa.trust.evaluate import WebIdentity, evaluate

PATH = "/aws-reserved/sso.amazonaws.com/"
AT_FIRST = ("AdministratorAccess", "ReadOnlyAccess")
_NAME = re.compile(r"AWSReservedSSO_(?P<name>[\w+=,.@-]{1,32})_[0-9a-f]{16}")
_ACTION = "sts:AssumeRoleWithSAML"
_AUDIENCE = {"SAML:aud": "https://signin.aws.amazon.com/saml"}


def provision(world: World) -> None:
    """The roles that are there from the start, with AWS's own policy of the same name."""
    for name in AT_FIRST:
        digits = hashlib.sha256(f"{world.account} {name}".encode()).hexdigest()[:16]
        role = world.iam.create_role(
            f"AWSReservedSSO_{name}_{digits}",
            _trust(world),
            path=PATH if world.region == "us-east-1" else f"{PATH}{world.region}/",
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration="43200",
        )
        arn = f"arn:{world.partition}:iam::aws:policy/{name}"
        role.managed_policies[arn] = world.iam.managed_policies[arn]


def all_of(world: World) -> Iterator[tuple[str, Any]]:
    """Every permission set that IAM Identity Center may assume, and its role."""
    for role in sorted(world.iam.roles.values(), key=lambda one: str(one.name)):
        named = _NAME.fullmatch(role.name)
        if named and role.path.startswith(PATH) and _trusts(world, role):
            yield named["name"], role


def provider(world: World) -> str:
    """The SAML provider that those roles trust."""
    return f"arn:{world.partition}:iam::{world.account}:saml-provider/AWSSSO_local_DO_NOT_DELETE"


def _trust(world: World) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider(world)},
        "Action": [_ACTION, "sts:TagSession"],
        "Condition": {"StringEquals": _AUDIENCE},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _trusts(world: World, role: Any) -> bool:
    document = documents.parse(role.assume_role_policy_document)
    identity = WebIdentity(provider_arn=provider(world), keys=_AUDIENCE)
    return evaluate(document, identity, action=_ACTION).allowed
