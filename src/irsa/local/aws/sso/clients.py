"""
Programs that log people in: registered, and known again by id and secret.

Source: https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_RegisterClient.html
Never here: logging in.
"""

import re
from datetime import timedelta
from typing import Any

from irsa.local.aws.call import Answer, Call
from irsa.local.aws.errors import ApiError, not_implemented
from irsa.local.aws.sso.state import Client, fresh

SCOPE = "sso:account:access"
AUTHORIZATION_CODE = "authorization_code"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 # the name of a grant type
GRANTS = (AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN)
LIFE = timedelta(days=90)
START_URL = "https://local.awsapps.com/start"
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d+)?/[^?#]*")


def register(call: Call) -> Answer:
    """RegisterClient."""
    if call.params.get("entitledApplicationArn"):
        raise not_implemented("RegisterClient with entitledApplicationArn")
    if call.params["clientType"] != "public":
        raise ApiError("InvalidClientMetadataException", "Only public clients are supported")
    scopes, grants = call.params.get("scopes") or [], call.params.get("grantTypes") or []
    if any(scope != SCOPE for scope in scopes):
        raise ApiError("InvalidScopeException", f"The only scope here is {SCOPE}")
    if any(grant not in GRANTS for grant in grants):
        raise ApiError("UnsupportedGrantTypeException", f"Grant types are {', '.join(GRANTS)}")
    redirects = _redirects(call.params) if AUTHORIZATION_CODE in grants else ()
    now = call.world.clock()
    client = Client(
        id=fresh(),
        secret=fresh(),
        region=call.target.region,
        grants=tuple(grants or (DEVICE_CODE, REFRESH_TOKEN)),
        redirects=redirects,
        refreshed=REFRESH_TOKEN in grants if grants else bool(scopes),
        expires=now + LIFE,
    )
    call.world.sign_on.clients[client.id] = client
    return {
        "clientId": client.id,
        "clientSecret": client.secret,
        "clientIdIssuedAt": int(now.timestamp()),
        "clientSecretExpiresAt": int(client.expires.timestamp()),
    }


def _redirects(params: dict[str, Any]) -> tuple[str, ...]:
    """A browser brings codes back to the program's own machine, from one start URL."""
    check_start_url(params.get("issuerUrl") or "")
    found = tuple(params.get("redirectUris") or ())
    if not found or not all(_LOOPBACK.fullmatch(one) for one in found):
        raise ApiError(
            "InvalidRedirectUriException", "Redirect URIs must lead to a loopback address"
        )
    return found


def check_start_url(text: str) -> None:
    """
    The start URL is the one that there is.

    Raises:
        ApiError: InvalidRequestException.
    """
    if text.rstrip("/#") != START_URL:
        raise ApiError("InvalidRequestException", f"The only start URL here is {START_URL}")


def known(call: Call) -> Client:
    """
    The client that a call names, with its secret.

    Raises:
        ApiError: InvalidClientException.
    """
    client = found(call, call.params["clientId"])
    if client is None or call.params["clientSecret"] != client.secret:
        raise ApiError("InvalidClientException", "Invalid client provided", status=401)
    return client


def found(call: Call, name: str) -> Client | None:
    """A client by its id, where the call went to, as long as its secret is good."""
    client = call.world.sign_on.clients.get(name)
    if client is None or client.region != call.target.region:
        return None
    return client if call.world.clock() < client.expires else None


def granted(client: Client, grant: str) -> None:
    """
    The client is registered for a grant type.

    Raises:
        ApiError: UnauthorizedClientException.
    """
    if grant not in client.grants:
        raise ApiError("UnauthorizedClientException", f"The client is not registered for {grant}")
