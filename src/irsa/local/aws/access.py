"""
May this caller do this? Identity policies, boundary, bucket policy and public access together.

The policies are judged by `irsa.trust.access`, as they are at the time of the call.
Never here: what a single policy means.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from irsa.local.aws import documents
from irsa.local.aws.call import Call
from irsa.local.aws.callers import Caller
from irsa.local.aws.errors import ApiError, access_denied
from irsa.local.aws.reach import NOTHING, Reach, Shared, judge
from irsa.local.aws.s3.policies import block_of, is_public, policy_of
from irsa.trust.access import AccessRequest, Decision, evaluate_access
from irsa.trust.condition import Keys

_IDENTITY = "an identity-based policy"
_BOUNDARY = "a permissions boundary"
_SESSION = "a session policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Yes or no; `public` is the end of AWS's sentence, `reason` is for the log."""

    allowed: bool
    public: str = ""
    reason: str = ""


def require(
    call: Call, action: str, resource: str, *, trust: Mapping[str, Any] | None = None
) -> None:
    """
    The caller may do an action on a resource.

    Args:
        call: The call.
        action: The action.
        resource: The ARN of the resource.
        trust: The trust policy of a role that is to be assumed: without it, nobody may.

    Raises:
        ApiError: AccessDenied, in the words of the service.
    """
    found = verdict(call, action, resource, trust=trust)
    if not found.allowed:
        raise _denied(call, action, resource=resource, found=found)


def verdict(
    call: Call, action: str, resource: str, *, trust: Mapping[str, Any] | None = None
) -> Verdict:
    """Whether the caller may do an action on a resource, and why or why not."""
    request = AccessRequest(action=action, resource=resource, keys=_keys(call))
    shared = _shared(call, request) if trust is None else _trusted(call, request, trust)
    if shared.denies:
        return _no("with an explicit deny in a resource-based policy", shared.decision)
    if call.caller is None:
        return _yes(shared.decision) if shared.reach else _no("", shared.decision)
    judged = dict(_judged(call, call.caller, request))
    for kind, one in judged.items():
        if one.explicit_deny:
            return _no(f"with an explicit deny in {kind}", one)
    if trust is not None and not shared.reach:
        return _no("", shared.decision)
    return _weighed(shared, judged, action)


def _weighed(shared: Shared, judged: Mapping[str, Decision], action: str) -> Verdict:
    """The resource's policy and the caller's own together; nothing denies."""
    if shared.reach is Reach.caller:
        return _yes(shared.decision)
    for kind, one in judged.items():
        given = shared.reach is Reach.role and kind == _IDENTITY
        if not one.allowed and not given:
            return _no(f"because no {kind.split(' ', 1)[1]} allows the {action} action", one)
    return _yes(judged[_IDENTITY] if shared.reach < Reach.role else shared.decision)


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
    return access_denied(text.rstrip(), reason=found.reason)


def _quoted(call: Call, resource: str) -> str:
    return f'"{resource}"' if call.service == "s3" else resource


def _trusted(call: Call, request: AccessRequest, trust: Mapping[str, Any]) -> Shared:
    # A trust policy names no resource: it is about its role.
    return judge(trust, replace(request, resource=None), call.caller, account=_root(call))


def _shared(call: Call, request: AccessRequest) -> Shared:
    resource = request.resource or ""
    if not call.bucket or not request.action.startswith("s3:") or ":s3:::" not in resource:
        return NOTHING
    bucket = resource.split(":::")[1].partition("/")[0]
    policy = policy_of(call.world, bucket)
    if policy is None:
        return NOTHING
    found = judge(policy, request, call.caller, account=_root(call))
    restricted = block_of(call.world, bucket).restrict and is_public(policy)
    if found.reach and call.caller is None and restricted:
        why = "RestrictPublicBuckets: the bucket's policy is public"
        return Shared(reach=Reach.nobody, decision=Decision(allowed=False, reason=why))
    return found


def _root(call: Call) -> str:
    return f"arn:{call.world.partition}:iam::{call.world.account}:root"


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
    if call.service == "sts":
        names = {"ExternalId": "sts:ExternalId", "RoleSessionName": "sts:RoleSessionName"}
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
