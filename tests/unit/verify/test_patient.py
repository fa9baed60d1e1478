"""The patient door: which refusals it waits out, for how long, and what it says."""

import pytest

from irsa.aws.call import Call
from irsa.errors import AwsError
from irsa.verify.patient import PatientAws

CREATE = Call(service="iam", operation="CreateRole", params={"RoleName": "r"})
PUT = Call(service="iam", operation="PutRolePolicy", params={"RoleName": "r"})
DELETE = Call(service="iam", operation="DeleteRole", params={"RoleName": "r"})
MISSING = AwsError(
    "the role with name r cannot be found.",
    code="NoSuchEntity", operation="iam:PutRolePolicy", request_id="1",
)  # fmt: skip
HELD = AwsError("Cannot delete entity, must delete policies first.", code="DeleteConflict")


class Door:
    """AWS that refuses a call for some seconds."""

    def __init__(self, seconds: float) -> None:
        self.time = 0.0
        self.ready = seconds
        self.said: list[str] = []

    def call(self, call: Call) -> dict[str, str]:
        if call is PUT and self.time < self.ready:
            raise MISSING
        if call is DELETE and self.time < self.ready:
            raise HELD
        return {"made": call.name}

    def read(self, call: Call) -> dict[str, str]:
        return {"read": call.name}

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def patient(self) -> PatientAws:
        return PatientAws(self, say=self.said.append, sleep=self.sleep, now=lambda: self.time)


def test_what_passes_is_waited_out():
    """And told, with AWS's own code."""
    door = Door(seconds=5)
    aws = door.patient()
    aws.call(CREATE)
    assert aws.call(PUT) == {"made": "iam:PutRolePolicy"}
    assert set(door.said) == {
        "waiting: the new role is not known everywhere yet (NoSuchEntity)"
    }  # fmt: skip


def test_role_whose_policies_are_still_seen_is_deleted_in_the_end():
    """They were deleted just before."""
    door = Door(seconds=5)
    assert door.patient().call(DELETE) == {"made": "iam:DeleteRole"}
    assert set(door.said) == {"waiting: IAM still sees policies on the role (DeleteConflict)"}


def test_what_was_not_just_made_is_missing_at_once():
    """There is nothing to wait for."""
    door = Door(seconds=5)
    with pytest.raises(AwsError):
        door.patient().call(PUT)
    assert door.said == []


def test_patience_has_an_end():
    """Then the refusal is what AWS said."""
    door = Door(seconds=1e9)
    aws = door.patient()
    aws.call(CREATE)
    with pytest.raises(AwsError, match="cannot be found"):
        aws.call(PUT)
    assert 60 <= door.time <= 120
