"""
The two pages that a browser opens to log in: whoever opens one is signed in, and allows it.

Nobody is asked for a name, a password or a second factor: that is between people and their
identity provider.
Never here: tokens.
"""

from html import escape
from urllib.parse import urlencode, urlsplit

from irsa.local.aws.call import Answer, Call
from irsa.local.aws.errors import ApiError
from irsa.local.aws.request import Request, Response
from irsa.local.aws.sso import clients
from irsa.local.aws.sso.state import Code, fresh
from irsa.local.aws.sso.tokens import CODE_LIFE

SERVICE = "sso-device"
_PAGES = {(SERVICE, "/"): "AllowDevice", ("sso-oidc", "/authorize"): "Authorize"}


def operation_of(service: str, request: Request) -> str | None:
    """The page that a request is for; None if it is for none."""
    return _PAGES.get((service, request.path)) if request.method == "GET" else None


def allow_device(call: Call) -> Answer:
    """The page of the device code."""
    typed = call.request.query.get("user_code", "").upper()
    now = call.world.clock()
    found = [one for one in call.world.sign_on.devices if one.user_code == typed]
    if not found or now >= found[0].expires:
        raise ApiError(
            "InvalidRequest",
            "This is no code of a log-in that is under way; open this page with ?user_code=CODE",
        )
    found[0].allowed = True
    return _page(200, f"{typed} may log in. You can close this page.")


def authorize(call: Call) -> Answer:
    """The page of the authorization code, which sends the browser back to the program."""
    asked = call.request.query
    client = clients.found(call, asked.get("client_id", ""))
    redirect = asked.get("redirect_uri", "")
    if client is None or call.target.region != call.world.region:
        raise ApiError("InvalidRequest", "There is no such client")
    if _portless(redirect) not in map(_portless, client.redirects):
        raise ApiError("InvalidRequest", "The client is not registered for this redirect URI")
    challenge = asked.get("code_challenge")
    plain = asked.get("code_challenge_method") != "S256"
    if asked.get("response_type") != "code" or plain or not challenge:
        raise ApiError("InvalidRequest", "Only codes are given out, and only with PKCE by S256")
    code = Code(
        text=fresh(),
        client=client,
        redirect=redirect,
        challenge=challenge,
        expires=call.world.clock() + CODE_LIFE,
    )
    call.world.sign_on.codes[code.text] = code
    back = urlencode({"code": code.text, "state": asked.get("state", "")})
    return Response(status=302, headers={"location": f"{redirect}?{back}"})


def _portless(address: str) -> tuple[str, str | None, str, str]:
    """A program takes whatever port is free."""
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.path, parts.query


def refusal(error: ApiError) -> Response:
    """What somebody reads who opened the wrong page."""
    return _page(error.status, error.message)


def _page(status: int, sentence: str) -> Response:
    text = f"<!doctype html><title>local AWS</title><p>{escape(sentence)}</p>\n"
    headers = {"content-type": "text/html; charset=utf-8"}
    return Response(status=status, headers=headers, body=text.encode())
