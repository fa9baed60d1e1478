"""
AWS in memory: S3, IAM and account settings, as strict as provisioning has to expect them.

Its answers and refusals are those of the real services; a call without a handler is a fault.
"""

# ruff: noqa: N802, N803 # handlers are named after AWS's operations, and take its parameters

import copy
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from irsa.aws.call import Call
from irsa.aws.client import Identity, Observer
from irsa.aws.failure import MISSING, Answer, refused
from irsa.web import Document

ACCOUNT = "111122223333"
REGION = "eu-west-1"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/admin"


class RefusalError(Exception):
    """What AWS would answer."""

    def __init__(self, code: str, text: str = "no") -> None:
        super().__init__(code)
        self.answer = Answer(code=code, text=text, request_id="R1")


@dataclass
class Bucket:
    """A bucket, with what a new one has since 2023."""

    tags: list[dict[str, str]] = field(default_factory=list)
    account: str = ACCOUNT
    ownership: str = "BucketOwnerEnforced"
    encryption: str = "AES256"
    versioning: str | None = None
    policy: str | None = None
    access_block: dict[str, bool] | None = None
    versions: list[dict[str, Any]] = field(default_factory=list)


def fresh_block() -> dict[str, bool]:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return dict.fromkeys(names, True)


class FakeAws:
    """One account."""

    def __init__(self, observer: Observer | None = None) -> None:
        self.observer = observer
        self.buckets: dict[str, Bucket] = {}
        self.roles: dict[str, dict[str, Any]] = {}
        self.providers: dict[str, dict[str, Any]] = {}
        self.account_block: dict[str, bool] | None = None
        self.trust_quota = 2048
        self.denied: set[str] = set()
        self.failures: dict[str, list[RefusalError]] = {}
        self.calls: list[Call] = []
        self._ids = itertools.count(1)

    def identity(self) -> Identity:
        return Identity(account=ACCOUNT, arn=CALLER, partition="aws")

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> "FakeAws":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def call(self, call: Call) -> dict[str, Any]:
        if self.observer:
            self.observer.before(call)
        self.calls.append(call)
        answer = self._handle(call)
        if self.observer:
            self.observer.after(call)
        return answer

    def read(self, call: Call) -> dict[str, Any] | None:
        from irsa.errors import AwsError

        try:
            return self._handle(call)
        except AwsError as error:
            if error.code in MISSING:
                return None
            raise

    @property
    def empty(self) -> bool:
        return not (self.buckets or self.roles or self.providers)

    def _handle(self, call: Call) -> dict[str, Any]:
        handler: Callable[..., dict[str, Any] | None] = getattr(
            self, f"_{call.service}_{call.operation}"
        )
        try:
            if call.name in self.denied:
                raise RefusalError("AccessDenied", "not authorized")
            if self.failures.get(call.name):
                raise self.failures[call.name].pop(0)
            return copy.deepcopy(handler(**call.params)) or {}
        except RefusalError as error:
            raise refused(call, error.answer, caller=CALLER) from None

    def _bucket(self, name: str, owner: str | None) -> Bucket:
        if name not in self.buckets:
            raise RefusalError("NoSuchBucket")
        if owner is not None and self.buckets[name].account != owner:
            raise RefusalError("AccessDenied")
        return self.buckets[name]

    # S3

    def _s3control_GetPublicAccessBlock(self, AccountId: str) -> dict[str, Any]:
        assert AccountId == ACCOUNT
        if self.account_block is None:
            raise RefusalError("NoSuchPublicAccessBlockConfiguration")
        return {"PublicAccessBlockConfiguration": self.account_block}

    def _s3_HeadBucket(self, **p: Any) -> dict[str, Any]:
        if p["Bucket"] not in self.buckets:
            raise RefusalError("404")
        if self.buckets[p["Bucket"]].account != p["ExpectedBucketOwner"]:
            raise RefusalError("403")
        return {"BucketRegion": REGION}

    def _s3_CreateBucket(self, **p: Any) -> None:
        configuration = p["CreateBucketConfiguration"]
        if configuration.get("LocationConstraint", "us-east-1") != REGION:
            raise RefusalError("IllegalLocationConstraintException")
        if p["Bucket"] in self.buckets:
            mine = self.buckets[p["Bucket"]].account == ACCOUNT
            raise RefusalError("BucketAlreadyOwnedByYou" if mine else "BucketAlreadyExists")
        self.buckets[p["Bucket"]] = Bucket(
            tags=list(configuration.get("Tags", ())), access_block=fresh_block()
        )

    def _s3_GetBucketTagging(self, Bucket: str, ExpectedBucketOwner: str) -> dict[str, Any]:
        found = self._bucket(Bucket, ExpectedBucketOwner)
        if not found.tags:
            raise RefusalError("NoSuchTagSet")
        return {"TagSet": found.tags}

    def _s3_PutBucketTagging(self, **p: Any) -> None:
        self._bucket(p["Bucket"], p["ExpectedBucketOwner"]).tags = p["Tagging"]["TagSet"]

    def _s3_GetPublicAccessBlock(self, **p: Any) -> dict[str, Any]:
        found = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        if found.access_block is None:
            raise RefusalError("NoSuchPublicAccessBlockConfiguration")
        return {"PublicAccessBlockConfiguration": found.access_block}

    def _s3_PutPublicAccessBlock(self, **p: Any) -> None:
        found = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        found.access_block = dict(p["PublicAccessBlockConfiguration"])

    def _s3_GetBucketOwnershipControls(self, **p: Any) -> dict[str, Any]:
        found = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        return {"OwnershipControls": {"Rules": [{"ObjectOwnership": found.ownership}]}}

    def _s3_PutBucketOwnershipControls(self, **p: Any) -> None:
        found = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        found.ownership = p["OwnershipControls"]["Rules"][0]["ObjectOwnership"]

    def _s3_GetBucketEncryption(self, **p: Any) -> dict[str, Any]:
        algorithm = self._bucket(p["Bucket"], p["ExpectedBucketOwner"]).encryption
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
        return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}

    def _s3_PutBucketEncryption(self, **p: Any) -> None:
        rule = p["ServerSideEncryptionConfiguration"]["Rules"][0]
        found = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        found.encryption = rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]

    def _s3_GetBucketVersioning(self, **p: Any) -> dict[str, Any]:
        status = self._bucket(p["Bucket"], p["ExpectedBucketOwner"]).versioning
        return {"Status": status} if status else {}

    def _s3_PutBucketVersioning(self, **p: Any) -> None:
        found = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        found.versioning = p["VersioningConfiguration"]["Status"]

    def _s3_GetBucketPolicy(self, **p: Any) -> dict[str, Any]:
        found = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        if found.policy is None:
            raise RefusalError("NoSuchBucketPolicy")
        return {"Policy": found.policy}

    def _s3_PutBucketPolicy(self, **p: Any) -> None:
        found = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        if (found.access_block or {}).get("BlockPublicPolicy"):
            raise RefusalError("AccessDenied", "public policies are blocked")
        found.policy = p["Policy"]

    def _s3_DeleteBucketPolicy(self, **p: Any) -> None:
        self._bucket(p["Bucket"], p["ExpectedBucketOwner"]).policy = None

    def _s3_ListObjectVersions(self, **p: Any) -> dict[str, Any]:
        found = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        shown = [one for one in found.versions if one["Key"].startswith(p.get("Prefix", ""))]
        return {"Versions": [{k: one[k] for k in ("Key", "VersionId")} for one in shown]}

    def _s3_GetObject(self, **p: Any) -> dict[str, Any]:
        found = self._current(self._bucket(p["Bucket"], p["ExpectedBucketOwner"]), p["Key"])
        if found is None:
            raise RefusalError("NoSuchKey")
        return found

    def _s3_PutObject(self, **p: Any) -> None:
        bucket = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        current = self._current(bucket, p["Key"])
        if ("IfNoneMatch" in p and current) or (
            "IfMatch" in p and (current or {}).get("ETag") != p["IfMatch"]
        ):
            raise RefusalError("PreconditionFailed")
        number = next(self._ids)
        names = ("Key", "Body", "ContentType", "CacheControl")
        stored = {name: p[name] for name in names} | {"Metadata": dict(p.get("Metadata", {}))}
        bucket.versions.append(stored | {"VersionId": f"v{number}", "ETag": f'"{number}"'})

    def _s3_DeleteObject(self, **p: Any) -> None:
        bucket = self._bucket(p["Bucket"], p["ExpectedBucketOwner"])
        bucket.versions = [one for one in bucket.versions if one["VersionId"] != p["VersionId"]]

    def _s3_DeleteBucket(self, **p: Any) -> None:
        if self._bucket(p["Bucket"], p["ExpectedBucketOwner"]).versions:
            raise RefusalError("BucketNotEmpty")
        del self.buckets[p["Bucket"]]

    def _current(self, bucket: Bucket, key: str) -> dict[str, Any] | None:
        return next((one for one in reversed(bucket.versions) if one["Key"] == key), None)

    # IAM

    def _iam_GetAccountSummary(self) -> dict[str, Any]:
        return {"SummaryMap": {"AssumeRolePolicySizeQuota": self.trust_quota}}

    def _provider(self, arn: str) -> dict[str, Any]:
        if arn not in self.providers:
            text = f"OpenIDConnect Provider not found for arn {arn}"
            raise RefusalError("NoSuchEntity", text)
        return self.providers[arn]

    def _iam_ListOpenIDConnectProviders(self) -> dict[str, Any]:
        return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in self.providers]}

    def _iam_GetOpenIDConnectProvider(self, OpenIDConnectProviderArn: str) -> dict[str, Any]:
        return self._provider(OpenIDConnectProviderArn)

    def _iam_CreateOpenIDConnectProvider(self, **p: Any) -> dict[str, Any]:
        bare = p["Url"].removeprefix("https://")
        arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{bare}"
        if arn in self.providers:
            raise RefusalError("EntityAlreadyExists")
        self.providers[arn] = {
            "Url": bare,
            "ClientIDList": list(p["ClientIDList"]),
            "Tags": list(p["Tags"]),
        }
        return {"OpenIDConnectProviderArn": arn}

    def _iam_AddClientIDToOpenIDConnectProvider(self, **p: Any) -> None:
        listed = self._provider(p["OpenIDConnectProviderArn"])["ClientIDList"]
        if p["ClientID"] not in listed:
            listed.append(p["ClientID"])

    def _iam_RemoveClientIDFromOpenIDConnectProvider(self, **p: Any) -> None:
        found = self._provider(p["OpenIDConnectProviderArn"])
        found["ClientIDList"] = [one for one in found["ClientIDList"] if one != p["ClientID"]]

    def _iam_TagOpenIDConnectProvider(self, **p: Any) -> None:
        found = self._provider(p["OpenIDConnectProviderArn"])
        found["Tags"] = _tagged(found["Tags"], p["Tags"])

    def _iam_DeleteOpenIDConnectProvider(self, OpenIDConnectProviderArn: str) -> None:
        self._provider(OpenIDConnectProviderArn)
        del self.providers[OpenIDConnectProviderArn]

    def _role(self, name: str) -> dict[str, Any]:
        if name not in self.roles:
            raise RefusalError("NoSuchEntity", f"The role with name {name} cannot be found.")
        return self.roles[name]

    def _iam_ListRoles(self) -> dict[str, Any]:
        hidden = {"Tags", "attached", "inline"}
        return {
            "Roles": [{k: v for k, v in one.items() if k not in hidden} for one in self.all_roles]
        }

    @property
    def all_roles(self) -> list[dict[str, Any]]:
        return list(self.roles.values())

    def _iam_ListRoleTags(self, RoleName: str) -> dict[str, Any]:
        return {"Tags": self._role(RoleName)["Tags"]}

    def _iam_GetRole(self, RoleName: str) -> dict[str, Any]:
        return {"Role": self._role(RoleName)}

    def _iam_CreateRole(self, **p: Any) -> None:
        if p["RoleName"] in self.roles:
            text = f"Role with name {p['RoleName']} already exists."
            raise RefusalError("EntityAlreadyExists", text)
        role = {**p, "AssumeRolePolicyDocument": json.loads(p["AssumeRolePolicyDocument"])}
        boundary = role.pop("PermissionsBoundary", None)
        if boundary:
            role["PermissionsBoundary"] = {"PermissionsBoundaryArn": boundary}
        self.roles[p["RoleName"]] = role | {"attached": [], "inline": {}}

    def _iam_UpdateAssumeRolePolicy(self, RoleName: str, PolicyDocument: str) -> None:
        self._role(RoleName)["AssumeRolePolicyDocument"] = json.loads(PolicyDocument)

    def _iam_UpdateRole(self, RoleName: str, **p: Any) -> None:
        self._role(RoleName).update(p)

    def _iam_TagRole(self, RoleName: str, Tags: list[dict[str, str]]) -> None:
        role = self._role(RoleName)
        role["Tags"] = _tagged(role["Tags"], Tags)

    def _iam_PutRolePermissionsBoundary(self, RoleName: str, PermissionsBoundary: str) -> None:
        boundary = {"PermissionsBoundaryArn": PermissionsBoundary}
        self._role(RoleName)["PermissionsBoundary"] = boundary

    def _iam_DeleteRolePermissionsBoundary(self, RoleName: str) -> None:
        if not self._role(RoleName).pop("PermissionsBoundary", None):
            raise RefusalError("NoSuchEntity", f"Role {RoleName} has no permission boundary.")

    def _iam_ListAttachedRolePolicies(self, RoleName: str) -> dict[str, Any]:
        arns = self._role(RoleName)["attached"]
        return {"AttachedPolicies": [{"PolicyArn": arn} for arn in arns]}

    def _iam_AttachRolePolicy(self, RoleName: str, PolicyArn: str) -> None:
        attached = self._role(RoleName)["attached"]
        if PolicyArn not in attached:
            attached.append(PolicyArn)

    def _iam_DetachRolePolicy(self, RoleName: str, PolicyArn: str) -> None:
        if PolicyArn not in self._role(RoleName)["attached"]:
            raise RefusalError("NoSuchEntity", f"Policy {PolicyArn} was not found.")
        self._role(RoleName)["attached"].remove(PolicyArn)

    def _iam_ListRolePolicies(self, RoleName: str) -> dict[str, Any]:
        return {"PolicyNames": list(self._role(RoleName)["inline"])}

    def _iam_GetRolePolicy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:
        inline = self._role(RoleName)["inline"]
        if PolicyName not in inline:
            text = f"The role policy with name {PolicyName} cannot be found."
            raise RefusalError("NoSuchEntity", text)
        return {"PolicyDocument": inline[PolicyName]}

    def _iam_PutRolePolicy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
        self._role(RoleName)["inline"][PolicyName] = json.loads(PolicyDocument)

    def _iam_DeleteRolePolicy(self, RoleName: str, PolicyName: str) -> None:
        if self._role(RoleName)["inline"].pop(PolicyName, None) is None:
            text = f"The role policy with name {PolicyName} cannot be found."
            raise RefusalError("NoSuchEntity", text)

    def _iam_DeleteRole(self, RoleName: str) -> None:
        role = self._role(RoleName)
        if role["attached"] or role["inline"]:
            raise RefusalError("DeleteConflict")
        del self.roles[RoleName]


class FakeWeb:
    """The public's view of the buckets in memory."""

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def __enter__(self) -> "FakeWeb":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def get(self, url: str) -> Document:
        host, _, key = url.removeprefix("https://").partition("/")
        name = host.partition(".")[0]
        found = self._aws.buckets.get(name)
        stored = found and self._aws._current(found, key)
        if not (found and stored and f"arn:aws:s3:::{name}/{key}" in (found.policy or "")):
            return Document(url=url, status=403, content_type="application/xml", body=b"")
        return Document(
            url=url, status=200, content_type=stored["ContentType"], body=stored["Body"]
        )


def _tagged(old: list[dict[str, str]], new: list[dict[str, str]]) -> list[dict[str, str]]:
    merged = {tag["Key"]: tag["Value"] for tag in (*old, *new)}
    return [{"Key": key, "Value": value} for key, value in merged.items()]
