"""A user of the local AWS who may do what a policy says, and nothing else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Limited:
    """
    A user with exactly one policy at a time.

    Args:
        iam: IAM, as the administrator.
        name: The user's name.
        variables: The variables that make a program this user.
    """

    iam: Any
    name: str
    variables: dict[str, str]
    _policies: list[str] = field(default_factory=list)

    def allow(self, policy: dict[str, Any]) -> None:
        """Have this policy, and no other."""
        self.drop()
        number = len(self.name) + len(json.dumps(policy))
        made = self.iam.create_policy(
            PolicyName=f"{self.name}-{number}", PolicyDocument=json.dumps(policy)
        )
        self._policies.append(made["Policy"]["Arn"])
        self.iam.attach_user_policy(UserName=self.name, PolicyArn=self._policies[-1])

    def drop(self) -> None:
        """Have no policy."""
        while self._policies:
            arn = self._policies.pop()
            self.iam.detach_user_policy(UserName=self.name, PolicyArn=arn)
            self.iam.delete_policy(PolicyArn=arn)


@contextmanager
def limited(rig: Any, name: str) -> Iterator[Limited]:
    """A user who may do nothing yet, and is gone at the end."""
    iam = rig.boto("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    variables = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    user = Limited(iam=iam, name=name, variables=variables)
    try:
        yield user
    finally:
        user.drop()
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)


def actions(policy: dict[str, Any]) -> list[str]:
    """Every action that a policy allows."""
    return sorted({action for one in policy["Statement"] for action in one["Action"]})


def without(policy: dict[str, Any], action: str) -> dict[str, Any]:
    """The same policy without one action."""
    statements = [
        one | {"Action": [other for other in one["Action"] if other != action]}
        for one in policy["Statement"]
    ]
    return policy | {"Statement": [one for one in statements if one["Action"]]}
