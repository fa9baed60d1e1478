"""IAM: OIDC providers."""

from tests.aws.mutation import Mutant
from tests.aws.rules.table import rule

RULES: tuple[Mutant, ...] = (
    rule("iam.provider: https only", "iam/providers.py", 'not url.startswith("https://") or ', ""),
    rule(
        "iam.provider: a host name",
        "iam/providers.py",
        ' or not _HOST.fullmatch(parts.hostname or "")',
        "",
    ),
    rule(
        "iam.provider: no port, no user",
        "iam/providers.py",
        "parts.netloc != parts.hostname and parts.netloc.lower() != parts.hostname",
        "False",
    ),
    rule("iam.provider: no query", "iam/providers.py", '"?" in url or ', ""),
    rule("iam.provider: no fragment", "iam/providers.py", ' or "#" in url', ""),
    rule(
        "iam.provider: 100 in an account",
        "iam/quotas.py",
        "PROVIDERS = 100",
        "PROVIDERS = 1000",
        "100_providers",
    ),
    rule(
        "iam.provider: 100 audiences",
        "iam/quotas.py",
        "CLIENT_IDS = 100",
        "CLIENT_IDS = 1000",
        "lists_have_limits",
    ),
    rule(
        "iam.provider: 5 thumbprints",
        "iam/quotas.py",
        "THUMBPRINTS = 5",
        "THUMBPRINTS = 50",
        "lists_have_limits",
    ),
    rule(
        "iam.provider: thumbprints are SHA-1 in hex",
        "iam/providers.py",
        '"[0-9a-fA-F]{40}"',
        '".*"',
    ),
    rule(
        "iam.provider: read without a thumbprint",
        "iam/providers.py",
        "if not thumbprints:",
        "if False:",
    ),
    rule(
        "iam.provider: its URL is told without scheme",
        "iam/providers.py",
        '"Url": provider.url,',
        '"Url": "https://" + provider.url,',
    ),
    rule(
        "iam.provider: an audience is added once",
        "iam/providers.py",
        'dict.fromkeys([*provider.client_id_list, call.params["ClientID"]])',
        '[*provider.client_id_list, call.params["ClientID"]]',
    ),
    rule(
        "iam.provider: an audience is removed", "iam/providers.py", "if client != gone]", "if True]"
    ),
    rule(
        "iam.provider: thumbprints are replaced",
        "iam/providers.py",
        'provider.thumbprint_list = call.params["ThumbprintList"]',
        'provider.thumbprint_list += call.params["ThumbprintList"]',
    ),
    rule(
        "iam.provider: deleted twice is fine",
        "iam/providers.py",
        'open_id_providers.pop(call.params["OpenIDConnectProviderArn"], None)',
        'open_id_providers.pop(call.params["OpenIDConnectProviderArn"])',
    ),
    rule(
        "iam.provider: tags need their permission",
        "iam/providers.py",
        'extra = [("iam:TagOpenIDConnectProvider", arn)] if call.params.get("Tags") else []',
        "extra = []",
    ),
)
