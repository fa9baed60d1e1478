"""
The one table of what this AWS can do; whatever is not in it is refused.

Never here: how it is done.
"""

from collections.abc import Callable, Iterable, Mapping

from irsa.local.aws import s3control, sts
from irsa.local.aws.call import Answer, Call, Operation, Permission
from irsa.local.aws.iam import account, holders, policies, providers, roles, users
from irsa.local.aws.iam.holders import ROLE, USER, on
from irsa.local.aws.iam.policies import on_policy
from irsa.local.aws.iam.providers import on_provider
from irsa.local.aws.s3 import buckets, objects, settings, store
from irsa.local.aws.s3 import policies as bucket_policies
from irsa.local.aws.s3.permissions import (
    create_bucket,
    everywhere,
    on_bucket,
    on_object,
    put_object,
)
from irsa.local.aws.sso import clients, pages, portal, tokens


def _operation(
    handler: Callable[[Call], Answer],
    permissions: Callable[[Call], Iterable[Permission]],
    *,
    anonymous: bool = False,
) -> Operation:
    return Operation(handler=handler, permissions=permissions, anonymous=anonymous)


def _s3(
    handler: Callable[[Call], Answer], permissions: Callable[[Call], Iterable[Permission]]
) -> Operation:
    # S3 considers everybody: bucket policies may give things to strangers.
    return _operation(handler, permissions, anonymous=True)


_STS = {
    # Judged by the handler: the role's trust policy counts as well as the caller's own.
    "AssumeRole": _operation(sts.assume_role, sts.nothing),
    "AssumeRoleWithWebIdentity": _operation(
        sts.assume_role_with_web_identity, sts.nothing, anonymous=True
    ),
    "GetCallerIdentity": _operation(sts.get_caller_identity, sts.nothing),
}

_PROVIDERS = {
    "AddClientIDToOpenIDConnectProvider": providers.add_client,
    "DeleteOpenIDConnectProvider": providers.delete,
    "GetOpenIDConnectProvider": providers.get,
    "ListOpenIDConnectProviderTags": providers.list_tags,
    "RemoveClientIDFromOpenIDConnectProvider": providers.remove_client,
    "TagOpenIDConnectProvider": providers.tag,
    "UntagOpenIDConnectProvider": providers.untag,
    "UpdateOpenIDConnectProviderThumbprint": providers.update_thumbprints,
}
_ROLES = {
    "AttachRolePolicy": holders.attach(ROLE),
    "DeleteRole": roles.delete,
    "DeleteRolePermissionsBoundary": roles.delete_boundary,
    "DeleteRolePolicy": holders.delete_inline(ROLE),
    "DetachRolePolicy": holders.detach(ROLE),
    "GetRole": roles.get,
    "GetRolePolicy": holders.get_inline(ROLE),
    "ListAttachedRolePolicies": holders.list_attached(ROLE),
    "ListInstanceProfilesForRole": roles.instance_profiles,
    "ListRolePolicies": holders.list_inline(ROLE),
    "ListRoleTags": roles.list_tags,
    "PutRolePermissionsBoundary": roles.put_boundary,
    "PutRolePolicy": holders.put_inline(ROLE),
    "TagRole": roles.tag,
    "UntagRole": roles.untag,
    "UpdateAssumeRolePolicy": roles.update_trust,
    "UpdateRole": roles.update,
    "UpdateRoleDescription": roles.update_description,
}
_POLICIES = {
    "DeletePolicy": policies.delete,
    "GetPolicy": policies.get,
    "GetPolicyVersion": policies.get_version,
    "ListEntitiesForPolicy": policies.list_entities,
    "ListPolicyTags": policies.list_tags,
    "ListPolicyVersions": policies.list_versions,
    "TagPolicy": policies.tag,
    "UntagPolicy": policies.untag,
}
_USERS = {
    "AttachUserPolicy": holders.attach(USER),
    "DeleteUser": users.delete,
    "DeleteUserPolicy": holders.delete_inline(USER),
    "DetachUserPolicy": holders.detach(USER),
    "GetUserPolicy": holders.get_inline(USER),
    "ListAttachedUserPolicies": holders.list_attached(USER),
    "ListUserPolicies": holders.list_inline(USER),
    "PutUserPolicy": holders.put_inline(USER),
}
_SELF = {
    "CreateAccessKey": users.create_key,
    "DeleteAccessKey": users.delete_key,
    "GetUser": users.get,
    "ListAccessKeys": users.list_keys,
    "UpdateAccessKey": users.update_key,
}
_IAM = {
    "CreateOpenIDConnectProvider": _operation(providers.create, providers.create_permissions),
    "CreatePolicy": _operation(policies.create, policies.create_permissions),
    "CreateRole": _operation(roles.create, roles.create_permissions),
    "CreateUser": _operation(users.create, users.create_permissions),
    "GetAccountSummary": _operation(account.summary, everywhere("iam:GetAccountSummary")),
    "ListOpenIDConnectProviders": _operation(
        providers.listing, everywhere("iam:ListOpenIDConnectProviders")
    ),
    "ListPolicies": _operation(policies.listing, everywhere("iam:ListPolicies")),
    "ListRoles": _operation(holders.listing(ROLE, roles.described), everywhere("iam:ListRoles")),
    "ListUsers": _operation(holders.listing(USER, users.described), everywhere("iam:ListUsers")),
    **{name: _operation(do, on_provider(f"iam:{name}")) for name, do in _PROVIDERS.items()},
    **{name: _operation(do, on(ROLE, f"iam:{name}")) for name, do in _ROLES.items()},
    **{name: _operation(do, on_policy(f"iam:{name}")) for name, do in _POLICIES.items()},
    **{name: _operation(do, on(USER, f"iam:{name}")) for name, do in _USERS.items()},
    **{name: _operation(do, users.named_or_self(f"iam:{name}")) for name, do in _SELF.items()},
}

_CONFIGURATION = {
    "DeleteBucket": (buckets.delete, "s3:DeleteBucket"),
    "DeleteBucketEncryption": (settings.delete_encryption, "s3:PutEncryptionConfiguration"),
    "DeleteBucketOwnershipControls": (
        settings.delete_ownership_controls,
        "s3:PutBucketOwnershipControls",
    ),
    "DeleteBucketPolicy": (bucket_policies.delete, "s3:DeleteBucketPolicy"),
    "DeleteBucketTagging": (store.forward, "s3:PutBucketTagging"),
    "DeletePublicAccessBlock": (store.forward, "s3:PutBucketPublicAccessBlock"),
    "GetBucketAcl": (store.forward, "s3:GetBucketAcl"),
    "GetBucketEncryption": (store.forward, "s3:GetEncryptionConfiguration"),
    "GetBucketLocation": (store.forward, "s3:GetBucketLocation"),
    "GetBucketOwnershipControls": (store.forward, "s3:GetBucketOwnershipControls"),
    "GetBucketPolicy": (bucket_policies.get, "s3:GetBucketPolicy"),
    "GetBucketPolicyStatus": (bucket_policies.status, "s3:GetBucketPolicyStatus"),
    "GetBucketTagging": (store.forward, "s3:GetBucketTagging"),
    "GetBucketVersioning": (store.forward, "s3:GetBucketVersioning"),
    "GetPublicAccessBlock": (store.forward, "s3:GetBucketPublicAccessBlock"),
    "HeadBucket": (buckets.head, "s3:ListBucket"),
    "ListMultipartUploads": (store.forward, "s3:ListBucketMultipartUploads"),
    "ListObjectVersions": (store.forward, "s3:ListBucketVersions"),
    "ListObjects": (store.forward, "s3:ListBucket"),
    "ListObjectsV2": (store.forward, "s3:ListBucket"),
    "PutBucketAcl": (settings.refuse_acl, "s3:PutBucketAcl"),
    "PutBucketEncryption": (settings.put_encryption, "s3:PutEncryptionConfiguration"),
    "PutBucketOwnershipControls": (
        settings.put_ownership_controls,
        "s3:PutBucketOwnershipControls",
    ),
    "PutBucketPolicy": (bucket_policies.put, "s3:PutBucketPolicy"),
    "PutBucketTagging": (settings.put_tagging, "s3:PutBucketTagging"),
    "PutBucketVersioning": (settings.put_versioning, "s3:PutBucketVersioning"),
    "PutPublicAccessBlock": (settings.put_public_access_block, "s3:PutBucketPublicAccessBlock"),
}
_OBJECTS = {
    "AbortMultipartUpload": (store.forward, "s3:AbortMultipartUpload"),
    "CompleteMultipartUpload": (store.forward, "s3:PutObject"),
    "CreateMultipartUpload": (objects.write, "s3:PutObject"),
    "DeleteObject": (store.forward, "s3:DeleteObject"),
    "DeleteObjectTagging": (store.forward, "s3:DeleteObjectTagging"),
    "GetObject": (objects.read, "s3:GetObject"),
    "GetObjectAcl": (store.forward, "s3:GetObjectAcl"),
    "GetObjectTagging": (store.forward, "s3:GetObjectTagging"),
    "HeadObject": (objects.read, "s3:GetObject"),
    "ListParts": (store.forward, "s3:ListMultipartUploadParts"),
    "PutObjectAcl": (settings.refuse_acl, "s3:PutObjectAcl"),
    "PutObjectTagging": (settings.put_tagging, "s3:PutObjectTagging"),
    "UploadPart": (store.forward, "s3:PutObject"),
}
_S3 = {
    "CopyObject": _s3(objects.copy, objects.copy_permissions),
    "CreateBucket": _operation(buckets.create, create_bucket),
    "DeleteObjects": _s3(objects.delete_many, objects.delete_many_permissions),
    "ListBuckets": _operation(buckets.listing, everywhere("s3:ListAllMyBuckets")),
    "PutObject": _s3(objects.write, put_object),
    **{name: _s3(do, on_bucket(action)) for name, (do, action) in _CONFIGURATION.items()},
    **{name: _s3(do, on_object(action)) for name, (do, action) in _OBJECTS.items()},
}

_CONTROL = {
    "DeletePublicAccessBlock": (s3control.delete, "s3:PutAccountPublicAccessBlock"),
    "GetPublicAccessBlock": (s3control.get, "s3:GetAccountPublicAccessBlock"),
    "PutPublicAccessBlock": (s3control.put, "s3:PutAccountPublicAccessBlock"),
}

# Nobody signs these: a client's secret or a token says who calls.
_SIGN_ON = {
    "sso": {
        "GetRoleCredentials": portal.role_credentials,
        "ListAccountRoles": portal.account_roles,
        "ListAccounts": portal.accounts,
        "Logout": portal.logout,
    },
    "sso-device": {"AllowDevice": pages.allow_device},
    "sso-oidc": {
        "Authorize": pages.authorize,
        "CreateToken": tokens.create,
        "RegisterClient": clients.register,
        "StartDeviceAuthorization": tokens.start_device,
    },
}

OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "iam": _IAM,
    "s3": _S3,
    "s3control": {
        name: _operation(do, s3control.on_account(action))
        for name, (do, action) in _CONTROL.items()
    },
    "sts": _STS,
    **{
        service: {name: _operation(do, sts.nothing, anonymous=True) for name, do in table.items()}
        for service, table in _SIGN_ON.items()
    },
}
