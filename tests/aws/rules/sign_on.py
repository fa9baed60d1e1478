"""IAM Identity Center: clients, log-ins, tokens, and the access portal."""

from tests.aws.mutation import Mutant
from tests.aws.rules.table import rule

CLIENTS, TOKENS = "sso/clients.py", "sso/tokens.py"
PAGES, PORTAL, SETS = "sso/pages.py", "sso/portal.py", "sso/permission_sets.py"

RULES: tuple[Mutant, ...] = (
    rule(
        "sso.client: lasts 90 days",
        CLIENTS,
        "timedelta(days=90)",
        "timedelta(days=91)",
        "client_gets",
    ),
    rule(
        "sso.client: its secret ends",
        CLIENTS,
        "client if call.world.clock() < client.expires else None",
        "client",
    ),
    rule("sso.client: its region", CLIENTS, "or client.region != call.target.region", ""),
    rule(
        "sso.client: its secret",
        CLIENTS,
        'or call.params["clientSecret"] != client.secret',
        "",
    ),
    rule(
        "sso.client: redirects of a loopback address only",
        CLIENTS,
        "not all(_LOOPBACK.fullmatch(one) for one in found)",
        "False",
    ),
    rule("sso.client: redirects at all", CLIENTS, "not found or ", ""),
    rule(
        "sso.client: the issuer of a log-in by browser",
        CLIENTS,
        '    check_start_url(params.get("issuerUrl") or "")\n',
        "    pass\n",
    ),
    rule("sso.client: the start URL's ends", CLIENTS, '.rstrip("/#")', ""),
    rule(
        "sso.client: refreshed by scope",
        CLIENTS,
        "if grants else bool(scopes)",
        "if grants else True",
    ),
    rule(
        "sso.client: refreshed by grant type",
        CLIENTS,
        "REFRESH_TOKEN in grants if grants",
        "True if grants",
    ),
    rule(
        "sso.device: in its own region",
        TOKENS,
        "if call.target.region != call.world.region:",
        "if False:",
    ),
    rule(
        "sso.device: needs its grant type", TOKENS, "granted(client, clients.DEVICE_CODE)", "GRANTS"
    ),
    rule("sso.device: its client's", TOKENS, " and one.client is client), None)", "), None)"),
    rule("sso.device: used once", TOKENS, "    devices.remove(device)\n", "    pass\n"),
    rule(
        "sso.device: ten minutes",
        TOKENS,
        "DEVICE_LIFE = timedelta(minutes=10)",
        "DEVICE_LIFE = timedelta(minutes=11)",
        "device_code",
    ),
    rule(
        "sso.device: its interval", TOKENS, "if now - one < INTERVAL]", "if now - one < CODE_LIFE]"
    ),
    rule("sso.device: polled twice at once", TOKENS, "_BURST = 2", "_BURST = 1", "too_often"),
    rule("sso.grant: as registered", TOKENS, "clients.granted(client, grant)", "pass"),
    rule("sso.code: its client's", TOKENS, "code.client is not client or ", ""),
    rule("sso.code: ten minutes", TOKENS, " or call.world.clock() >= code.expires", ""),
    rule(
        "sso.code: used once",
        TOKENS,
        'codes.pop(_given(call, "code"), None)',
        'codes.get(_given(call, "code"))',
    ),
    rule("sso.refresh: its client's", TOKENS, "session.client is client and now", "now"),
    rule("sso.refresh: until the session ends", TOKENS, " and now < session.expires:", ":"),
    rule("sso.refresh: the token", TOKENS, "session.refresh == token and ", ""),
    rule(
        "sso.token: an hour",
        TOKENS,
        "TOKEN_LIFE = timedelta(hours=1)",
        "TOKEN_LIFE = timedelta(hours=2)",
        "refreshed",
    ),
    rule(
        "sso.token: eight hours without refreshing",
        TOKENS,
        "TOKEN_LIFE if session.refresh else SESSION_LIFE",
        "TOKEN_LIFE",
    ),
    rule(
        "sso.token: never after the session",
        TOKENS,
        "min(now + life, session.expires)",
        "now + life",
    ),
    rule("sso.page: a code that is no more", PAGES, " or now >= found[0].expires", ""),
    rule("sso.page: allows the log-in", PAGES, "found[0].allowed = True", "pass"),
    rule(
        "sso.page: in its own region",
        PAGES,
        "client is None or call.target.region != call.world.region",
        "client is None",
    ),
    rule("sso.page: no plain challenge", PAGES, "or plain or", "or"),
    rule("sso.page: a challenge", PAGES, " or not challenge:", ":"),
    rule("sso.page: codes only", PAGES, 'asked.get("response_type") != "code" or ', ""),
    rule(
        "sso.page: whatever port", PAGES, "parts.hostname, parts.path", "parts.netloc, parts.path"
    ),
    rule("sso.page: to the host", PAGES, "parts.hostname, parts.path", '"", parts.path'),
    rule("sso.page: to the path", PAGES, "parts.path, parts.query", '"", parts.query'),
    rule("sso.portal: a token's region", PORTAL, "or not here or", "or"),
    rule(
        "sso.portal: a token's time",
        PORTAL,
        " or call.world.clock() >= session.tokens[token]",
        "",
    ),
    rule(
        "sso.portal: a log-out",
        PORTAL,
        "call.world.sign_on.sessions.remove(_session(call))",
        "pass",
    ),
    rule(
        "sso.portal: credentials last an hour", PORTAL, "DURATION = 3600", "DURATION = 7200", "hour"
    ),
    rule(
        "sso.portal: who vouches",
        PORTAL,
        '{"aws:FederatedProvider": permission_sets.provider(call.world)}',
        "{}",
    ),
    rule(
        "sso.portal: an account with nothing in it",
        PORTAL,
        "[account] if there else []",
        "[account]",
    ),
    rule("sso.set: its path", SETS, " and role.path.startswith(PATH)", ""),
    rule("sso.set: its trust policy", SETS, " and _trusts(world, role)", ""),
    rule("sso.set: its digits", SETS, "_[0-9a-f]{16}", "_[0-9a-z]+", "another_name"),
    rule(
        "sso.rest: the method and the path",
        "rest.py",
        "(request.method, request.path) and",
        "(request.method, path) and",
    ),
    rule(
        "sso.rest: what a path fixes",
        "rest.py",
        "fixed.items() <= request.query.items()",
        "not fixed",
    ),
    rule(
        "sso.rest: lists of text",
        "rest.py",
        "isinstance(value, kind) and all(isinstance(one, str) for one in listed)",
        "isinstance(value, kind)",
    ),
    rule(
        "sso.rest: OAuth's words",
        "rest.py",
        '"error": _oauth(error.code)',
        '"error": error.code',
    ),
    rule(
        "sso: no signature counts",
        "front.py",
        "if call.service not in _UNSIGNED:",
        "if True:",
    ),
)
