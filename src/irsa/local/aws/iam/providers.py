"""
OIDC providers.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
Never here: what STS does with them.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from moto.iam.models import OpenIDConnectProvider

from irsa.arns import provider_arn
from irsa.errors import InputError
from irsa.identity import discovery
from irsa.local.aws.call import Answer, Call, Permission
from irsa.local.aws.errors import ApiError
from irsa.local.aws.iam import problems, quotas, tags
from irsa.local.aws.query import page, tag_list
from irsa.local.aws.web import UnreachableError, fetch

_HOST = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?")


def create_permissions(call: Call) -> list[Permission]:
    """CreateOpenIDConnectProvider, and TagOpenIDConnectProvider if it comes with tags."""
    arn = _arn(call, call.params["Url"])
    extra = [("iam:TagOpenIDConnectProvider", arn)] if call.params.get("Tags") else []
    return [("iam:CreateOpenIDConnectProvider", arn), *extra]


def on_provider(action: str) -> Any:
    """An action on the provider that the call names."""

    def permissions(call: Call) -> list[Permission]:
        return [(action, call.params["OpenIDConnectProviderArn"])]

    return permissions


def create(call: Call) -> Answer:
    """CreateOpenIDConnectProvider."""
    url = call.params["Url"]
    _check_url(url)
    clients = list(dict.fromkeys(call.params.get("ClientIDList") or []))
    thumbprints = call.params.get("ThumbprintList") or []
    _check_clients(clients)
    _check_thumbprints(thumbprints)
    labels = tags.merged({}, call.params.get("Tags") or [])
    arn = _arn(call, url)
    if arn in call.world.iam.open_id_providers:
        raise problems.exists(f"Provider with url {url}")
    if len(call.world.iam.open_id_providers) >= quotas.PROVIDERS:
        raise problems.limit(f"OpenIdConnectProvidersPerAccount: {quotas.PROVIDERS}")
    if not thumbprints:
        _check_reachable(call, url)
    provider = OpenIDConnectProvider(
        call.world.account, call.world.partition, url, thumbprints, clients, {}
    )
    _set_tags(provider, labels)
    call.world.iam.open_id_providers[arn] = provider
    return {"OpenIDConnectProviderArn": arn, "Tags": tag_list(labels) or None}


def _arn(call: Call, url: str) -> str:
    return provider_arn(call.world.partition, call.world.account, url.removeprefix("https://"))


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if not url.startswith("https://") or not _HOST.fullmatch(parts.hostname or ""):
        raise ApiError("ValidationError", "Invalid Open ID Connect Provider URL")
    if parts.netloc != parts.hostname and parts.netloc.lower() != parts.hostname:
        raise problems.invalid("The url of an OpenID Connect provider has no port and no user.")
    if "?" in url or "#" in url:
        raise problems.invalid(
            "The url of an OpenID Connect provider has no query and no fragment."
        )


def _check_clients(clients: list[str]) -> None:
    if len(clients) > quotas.CLIENT_IDS:
        raise problems.limit(f"ClientIdsPerOpenIdConnectProvider: {quotas.CLIENT_IDS}")


def _check_thumbprints(thumbprints: list[str]) -> None:
    if len(thumbprints) > quotas.THUMBPRINTS:
        raise problems.invalid("Thumbprint list must contain fewer than 5 entries.")
    if any(not re.fullmatch(r"[0-9a-fA-F]{40}", thumbprint) for thumbprint in thumbprints):
        raise problems.invalid("Thumbprint must be 40 hexadecimal characters.")


def _check_reachable(call: Call, url: str) -> None:
    address = f"{url}/.well-known/openid-configuration"
    try:
        discovery.parse(fetch(call.world, address), address)
    except (UnreachableError, InputError) as error:
        raise ApiError(
            "OpenIdIdpCommunicationError",
            f"Please check .well-known/openid-configuration of provider: {url} is valid.",
            reason=str(error),
        ) from error


def _existing(call: Call) -> OpenIDConnectProvider:
    arn = call.params["OpenIDConnectProviderArn"]
    provider = call.world.iam.open_id_providers.get(arn)
    if provider is None:
        raise problems.no_such(f"OpenIDConnect Provider {arn}")
    return provider


def _tags(provider: OpenIDConnectProvider) -> dict[str, str]:
    return tags.pairs(provider.get_tags())


def _set_tags(provider: OpenIDConnectProvider, labels: dict[str, str]) -> None:
    provider.tags = {key: {"Key": key, "Value": value} for key, value in labels.items()}


def get(call: Call) -> Answer:
    """GetOpenIDConnectProvider: the URL comes without its scheme."""
    provider = _existing(call)
    return {
        "Url": provider.url,
        "ClientIDList": provider.client_id_list,
        "ThumbprintList": provider.thumbprint_list,
        "CreateDate": provider.create_date,
        "Tags": tag_list(_tags(provider)),
    }


def listing(call: Call) -> Answer:
    """ListOpenIDConnectProviders: not paged, ARNs only."""
    return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in call.world.iam.open_id_providers]}


def delete(call: Call) -> Answer:
    """DeleteOpenIDConnectProvider: fine if there is none."""
    call.world.iam.open_id_providers.pop(call.params["OpenIDConnectProviderArn"], None)
    return {}


def add_client(call: Call) -> Answer:
    """AddClientIDToOpenIDConnectProvider: fine if it is there."""
    provider = _existing(call)
    clients = list(dict.fromkeys([*provider.client_id_list, call.params["ClientID"]]))
    _check_clients(clients)
    provider.client_id_list = clients
    return {}


def remove_client(call: Call) -> Answer:
    """RemoveClientIDFromOpenIDConnectProvider: fine if it is gone."""
    provider = _existing(call)
    gone = call.params["ClientID"]
    provider.client_id_list = [client for client in provider.client_id_list if client != gone]
    return {}


def update_thumbprints(call: Call) -> Answer:
    """UpdateOpenIDConnectProviderThumbprint: replaces the whole list."""
    provider = _existing(call)
    _check_thumbprints(call.params["ThumbprintList"])
    provider.thumbprint_list = call.params["ThumbprintList"]
    return {}


def tag(call: Call) -> Answer:
    """TagOpenIDConnectProvider."""
    provider = _existing(call)
    _set_tags(provider, tags.merged(_tags(provider), call.params["Tags"]))
    return {}


def untag(call: Call) -> Answer:
    """UntagOpenIDConnectProvider."""
    provider = _existing(call)
    _set_tags(provider, tags.without(_tags(provider), call.params["TagKeys"]))
    return {}


def list_tags(call: Call) -> Answer:
    """ListOpenIDConnectProviderTags."""
    found, more = page(tag_list(_tags(_existing(call))), call.params)
    return {"Tags": found, **more}
