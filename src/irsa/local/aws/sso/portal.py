"""
The access portal: what a session's token is good for.

Source: https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html
Never here: getting a token.
"""

import re
from collections.abc import Sequence
from typing import Any

from irsa.local.aws import sessions
from irsa.local.aws.call import Answer, Call
from irsa.local.aws.errors import ApiError
from irsa.local.aws.sso import permission_sets
from irsa.local.aws.sso.state import Session

USER = "developer@example.com"
DURATION = 3600
_PAGE = 100


def role_credentials(call: Call) -> Answer:
    """GetRoleCredentials: a session of the permission set's role, which outlives the log-in."""
    _session(call)
    _check_account(call)
    wanted = call.params["roleName"]
    call.notes["resource"] = wanted
    role = dict(permission_sets.all_of(call.world)).get(wanted)
    if role is None:
        raise _no_access(f"there is no permission set {wanted}")
    asked = sessions.Asked(name=USER, seconds=DURATION)
    keys = {"aws:FederatedProvider": permission_sets.provider(call.world)}
    found = sessions.told(call, role, sessions.begin(call, role, asked, keys=keys))["Credentials"]
    return {
        "roleCredentials": {
            "accessKeyId": found["AccessKeyId"],
            "secretAccessKey": found["SecretAccessKey"],
            "sessionToken": found["SessionToken"],
            "expiration": int(found["Expiration"].timestamp() * 1000),
        }
    }


def accounts(call: Call) -> Answer:
    """ListAccounts: the one that there is, as long as it has a permission set."""
    _session(call)
    account = {
        "accountId": call.world.account,
        "accountName": "local",
        "emailAddress": "account@example.com",
    }
    there = any(True for _ in permission_sets.all_of(call.world))
    shown, more = _page(call, [account] if there else [])
    return {"accountList": shown, **more}


def account_roles(call: Call) -> Answer:
    """ListAccountRoles."""
    _session(call)
    _check_account(call)
    names = [name for name, _ in permission_sets.all_of(call.world)]
    roles = [{"roleName": name, "accountId": call.world.account} for name in dict.fromkeys(names)]
    shown, more = _page(call, roles)
    return {"roleList": shown, **more}


def logout(call: Call) -> Answer:
    """Logout: all tokens of the session end, those that refresh it too."""
    call.world.sign_on.sessions.remove(_session(call))
    return {}


def _session(call: Call) -> Session:
    token = call.params.get("accessToken") or ""
    session = call.world.sign_on.holding(token)
    here = session is not None and session.client.region == call.target.region
    if session is None or not here or call.world.clock() >= session.tokens[token]:
        raise ApiError("UnauthorizedException", "Session token not found or invalid", status=401)
    call.notes["user"] = USER
    return session


def _check_account(call: Call) -> None:
    account = call.params["accountId"]
    if not re.fullmatch(r"\d{12}", account):
        raise ApiError("InvalidRequestException", "accountId must have twelve digits")
    if account != call.world.account:
        raise _no_access(f"the account here is {call.world.account}")


def _no_access(reason: str) -> ApiError:
    return ApiError("ForbiddenException", "No access", status=403, reason=reason)


def _page(call: Call, items: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    text = call.params.get("nextToken") or "0"
    if not text.isdecimal():
        raise ApiError("InvalidRequestException", "nextToken is not valid")
    start = int(text)
    end = start + int(call.params.get("maxResults") or _PAGE)
    return items[start:end], {"nextToken": str(end) if end < len(items) else None}
