"""
Access tokens: by device code, by what a browser brought back, and refreshed.

Source: https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html
Source: https://datatracker.ietf.org/doc/html/rfc8628 and https://datatracker.ietf.org/doc/html/rfc7636
Never here: the pages that a browser opens, and what a token is good for.
"""

import base64
import hashlib
import secrets
import string
from datetime import datetime, timedelta

from irsa.local.aws.call import Answer, Call
from irsa.local.aws.errors import ApiError
from irsa.local.aws.sso import clients
from irsa.local.aws.sso.state import Client, Device, Session, fresh

DEVICE_LIFE = timedelta(minutes=10)
CODE_LIFE = timedelta(minutes=10)
INTERVAL = timedelta(seconds=1)
SESSION_LIFE = timedelta(hours=8)
TOKEN_LIFE = timedelta(hours=1)
# The AWS CLI asks twice at once before it begins to wait.
_BURST = 2
_LETTERS = "".join(letter for letter in string.ascii_uppercase if letter not in "AEIOU")


def start_device(call: Call) -> Answer:
    """StartDeviceAuthorization."""
    client = clients.known(call)
    clients.granted(client, clients.DEVICE_CODE)
    clients.check_start_url(call.params["startUrl"])
    if call.target.region != call.world.region:
        raise ApiError("InvalidRequestException", f"The start URL is in {call.world.region}")
    typed = "".join(secrets.choice(_LETTERS) for _ in range(8))
    device = Device(
        code=fresh(),
        user_code=f"{typed[:4]}-{typed[4:]}",
        client=client,
        expires=call.world.clock() + DEVICE_LIFE,
    )
    call.world.sign_on.devices.append(device)
    page = f"https://{call.request.host.replace('oidc.', 'device.sso.', 1)}/"
    return {
        "deviceCode": device.code,
        "userCode": device.user_code,
        "verificationUri": page,
        "verificationUriComplete": f"{page}?user_code={device.user_code}",
        "expiresIn": int(DEVICE_LIFE.total_seconds()),
        "interval": int(INTERVAL.total_seconds()),
    }


def create(call: Call) -> Answer:
    """CreateToken."""
    client = clients.known(call)
    grant = call.params["grantType"]
    if grant not in clients.GRANTS:
        raise ApiError("UnsupportedGrantTypeException", f"Grant types: {', '.join(clients.GRANTS)}")
    clients.granted(client, grant)
    now = call.world.clock()
    if grant == clients.REFRESH_TOKEN:
        return _told(_refreshed(call, client), now)
    if grant == clients.DEVICE_CODE:
        _check_device(call, client)
    else:
        _check_code(call, client)
    return _told(_begun(call, client, now), now)


def _given(call: Call, name: str) -> str:
    text: str | None = call.params.get(name)
    if not text:
        raise ApiError("InvalidRequestException", f"{name} is missing")
    return text


def _check_device(call: Call, client: Client) -> None:
    code, devices, now = _given(call, "deviceCode"), call.world.sign_on.devices, call.world.clock()
    device = next((one for one in devices if one.code == code and one.client is client), None)
    if device is None:
        raise _no_grant("no such device code")
    if now >= device.expires:
        raise ApiError("ExpiredTokenException", "Device code has expired")
    recent = [one for one in device.polls if now - one < INTERVAL]
    device.polls = [*recent, now]
    if len(recent) >= _BURST:
        raise ApiError("SlowDownException", "Polled more often than the interval allows")
    if not device.allowed:
        raise ApiError("AuthorizationPendingException", "Nobody has opened the page yet")
    devices.remove(device)


def _check_code(call: Call, client: Client) -> None:
    # Whatever is wrong with it, it is used up.
    code = call.world.sign_on.codes.pop(_given(call, "code"), None)
    redirect, verifier = _given(call, "redirectUri"), _given(call, "codeVerifier")
    if code is None or code.client is not client or call.world.clock() >= code.expires:
        raise _no_grant("no such code")
    if redirect != code.redirect:
        raise _no_grant("another redirect URI")
    digest = hashlib.sha256(verifier.encode()).digest()
    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
        raise _no_grant("the code verifier does not fit the challenge")


def _refreshed(call: Call, client: Client) -> Session:
    token, now = _given(call, "refreshToken"), call.world.clock()
    for session in call.world.sign_on.sessions:
        if session.refresh == token and session.client is client and now < session.expires:
            return session
    raise _no_grant("no session with such a refresh token")


def _begun(call: Call, client: Client, now: datetime) -> Session:
    session = Session(
        client=client,
        expires=now + SESSION_LIFE,
        refresh=fresh() if client.refreshed else None,
    )
    call.world.sign_on.sessions.append(session)
    return session


def _told(session: Session, now: datetime) -> Answer:
    """A new access token; without a refresh token it lasts as long as the session."""
    life = TOKEN_LIFE if session.refresh else SESSION_LIFE
    expires = min(now + life, session.expires)
    token = fresh()
    session.tokens[token] = expires
    return {
        "accessToken": token,
        "tokenType": "Bearer",
        "expiresIn": int((expires - now).total_seconds()),
        "refreshToken": session.refresh,
    }


def _no_grant(reason: str) -> ApiError:
    return ApiError("InvalidGrantException", "Invalid grant provided", reason=reason)
