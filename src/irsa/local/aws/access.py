"""
May this caller do this? Identity policies, boundary, bucket policy and public access together.

The policies are judged by `irsa.trust.access`, as they are at the time of the call.
Never here: what a single policy means.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from irsa.local.aws import documents
from irsa.local.aws.call import Call
from irsa.local.aws.callers import Caller
from irsa.local.aws.errors import ApiError, access_denied
from irsa.local.aws.s3.policies import block_of, is_public, policy_of
from irsa.trust.access import ANONYMOUS, AccessRequest, Decision, Principal, evaluate_access
from irsa.trust.condition import Keys

_IDENTITY = "an identity-based policy"
_BOUNDARY = "a permissions boundary"
_SESSION = "a session policy"
_NONE = Decision(allowed=False, reason="there is no such policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Yes or no; `public` is the end of AWS's sentence, `reason` is for the log."""

    allowed: bool
    public: str = ""
    reason: str = ""


def require(call: Call, action: str, resource: str) -> None:
    """
    The caller may do an action on a resource.

    Raises:
        ApiError: AccessDenied, in the words of the service.
    """
    found = verdict(call, action, resource)
    if not found.allowed:
        raise _denied(call, action, resource=resource, found=found)


def verdict(call: Call, action: str, resource: str) -> Verdict:
    """Whether the caller may do an action on a resource, and why or why not."""
    keys = _keys(call)
    shared = _shared(call, action, resource=resource, keys=keys)
    if shared.explicit_deny:
        return _no("with an explicit deny in a resource-based policy", shared)
    if call.caller is None:
        return _yes(shared) if shared.allowed else _no("", shared)
    request = AccessRequest(action=action, resource=resource, keys=keys)
    judged = dict(_judged(call, call.caller, request))
    for kind, one in judged.items():
        if one.explicit_deny:
            return _no(f"with an explicit deny in {kind}", one)
    if shared.allowed and judged.get(_SESSION, shared).allowed:
        return _yes(shared)
    for kind, one in judged.items():
        if not one.allowed:
            return _no(f"because no {kind.split(' ', 1)[1]} allows the {action} action", one)
    return _yes(judged[_IDENTITY])


def _judged(call: Call, caller: Caller, request: AccessRequest) -> Iterator[tuple[str, Decision]]:
    """Each kind of policies that must allow it: the caller's own, and what limits them."""
    yield _IDENTITY, evaluate_access(_policies(call, caller.identity), request)
    boundary = getattr(caller.identity, "permissions_boundary_arn", None)
    if boundary:
        yield _BOUNDARY, evaluate_access([_managed(call, boundary)], request)
    if caller.session_policies is not None:
        yield _SESSION, evaluate_access(caller.session_policies, request)


def _yes(decision: Decision) -> Verdict:
    return Verdict(allowed=True, reason=decision.reason)


def _no(public: str, decision: Decision) -> Verdict:
    return Verdict(allowed=False, public=public, reason=decision.reason)


def _denied(call: Call, action: str, *, resource: str, found: Verdict) -> ApiError:
    if call.caller is None:
        return access_denied(reason=found.reason)
    text = (
        f"User: {call.caller.arn} is not authorized to perform: {action} "
        f"on resource: {_quoted(call, resource)} {found.public}"
    )
    return access_denied(text, reason=found.reason)


def _quoted(call: Call, resource: str) -> str:
    return f'"{resource}"' if call.service == "s3" else resource


def _shared(call: Call, action: str, *, resource: str, keys: Keys) -> Decision:
    if not call.bucket or not action.startswith("s3:") or ":s3:::" not in resource:
        return _NONE
    bucket = resource.split(":::")[1].partition("/")[0]
    policy = policy_of(call.world, bucket)
    if policy is None:
        return _NONE
    principal = ANONYMOUS if call.caller is None else _principal(call, call.caller)
    found = evaluate_access(
        [policy], AccessRequest(action=action, resource=resource, principal=principal, keys=keys)
    )
    restricted = block_of(call.world, bucket).restrict and is_public(policy)
    if found.allowed and call.caller is None and restricted:
        return Decision(
            allowed=False, reason="RestrictPublicBuckets: the bucket's policy is public"
        )
    return found


def _principal(call: Call, caller: Caller) -> Principal:
    account = call.world.account
    root = f"arn:{call.world.partition}:iam::{account}:root"
    return Principal(names=(*caller.names, account, root))


def _policies(call: Call, identity: Any) -> list[documents.Document]:
    inline = [documents.parse(text) for text in identity.policies.values()]
    return inline + [_managed(call, arn) for arn in identity.managed_policies]


def _managed(call: Call, arn: str) -> documents.Document:
    policy = call.world.iam.managed_policies.get(arn)
    if policy is None:
        return {"Statement": []}
    version = next(one for one in policy.versions if one.is_default)
    return documents.parse(version.document)


def _keys(call: Call) -> Keys:
    now = call.world.clock()
    keys: dict[str, str | Sequence[str]] = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:RequestedRegion": call.target.region,
        "aws:SecureTransport": str(call.request.secure).lower(),
        "aws:SourceIp": call.request.source_ip,
        "aws:UserAgent": call.request.header("user-agent") or "",
    }
    if call.caller is not None:
        keys |= {
            "aws:PrincipalAccount": call.world.account,
            "aws:PrincipalArn": call.caller.principal_arn,
            "aws:PrincipalType": call.caller.kind,
            "aws:userid": call.caller.user_id,
        }
        if call.caller.kind == "User":
            keys["aws:username"] = call.caller.identity.name
        keys |= call.caller.keys
    return keys | _service_keys(call)


def _service_keys(call: Call) -> dict[str, str]:
    if call.service == "iam":
        names = {"PolicyArn": "iam:PolicyARN", "PermissionsBoundary": "iam:PermissionsBoundary"}
        return {key: call.params[name] for name, key in names.items() if call.params.get(name)}
    if call.service != "s3":
        return {}
    names = {
        "prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys",
        "versionId": "s3:VersionId",
    }  # fmt: skip
    found = {
        key: call.request.query[name] for name, key in names.items() if name in call.request.query
    }
    if call.operation in ("ListObjects", "ListObjectsV2", "ListObjectVersions"):
        found.setdefault("s3:prefix", "")
    return found
