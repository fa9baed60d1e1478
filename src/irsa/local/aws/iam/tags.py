"""
Tags: one set for an entity, keys compared without case.

Never here: whose tags they are.
"""

from collections.abc import Mapping, Sequence

from irsa.local.aws.errors import ApiError
from irsa.local.aws.iam import problems, quotas

TagList = Sequence[Mapping[str, str]]


def merged(present: Mapping[str, str], new: TagList) -> dict[str, str]:
    """
    Tags with new ones put over them.

    Raises:
        ApiError: A key is given twice or reserved, or there would be too many.
    """
    keys = [tag["Key"].lower() for tag in new]
    if len(set(keys)) != len(keys):
        raise problems.invalid(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if any(key.startswith("aws:") for key in keys):
        raise problems.invalid("Tag keys may not begin with aws:.")
    kept = {key: value for key, value in present.items() if key.lower() not in keys}
    result = kept | {tag["Key"]: tag.get("Value", "") for tag in new}
    if len(result) > quotas.TAGS:
        raise ApiError(
            "LimitExceeded", "The number of tags has reached the maximum limit.", status=409
        )
    return result


def without(present: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """Tags without some of their keys."""
    lower = {key.lower() for key in keys}
    return {key: value for key, value in present.items() if key.lower() not in lower}


def pairs(listed: TagList) -> dict[str, str]:
    """Tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in listed}
