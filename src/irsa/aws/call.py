"""
One AWS request as a value: it can be shown, compared and recorded before anything is sent.

Never here: sending it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Where IAM's name of the permission is not the name of the API operation.
# Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_PERMISSIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3control:GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    One request to AWS.

    Args:
        service: The service as boto3 names it, such as `iam`.
        operation: The API operation, such as `CreateRole`.
        params: The parameters, by the names that the API uses.
    """

    service: str
    operation: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The service and the operation, such as `iam:CreateRole`."""
        return f"{self.service}:{self.operation}"

    @property
    def permission(self) -> str:
        """The permission that the caller needs for it, such as `s3:ListBucket`."""
        if self.name == "s3:DeleteObject" and "VersionId" in self.params:
            return "s3:DeleteObjectVersion"
        return _PERMISSIONS.get(self.name, self.name)

    def to_json(self) -> dict[str, Any]:
        """The call as plain JSON values: exactly what will be sent, bodies as text."""
        return {"call": self.name, "params": _plain(self.params)}


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return value.decode()
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
