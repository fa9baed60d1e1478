"""
`publish: existing`: the cluster's present issuer has to be what the configuration says, and right.

Never here: changing anything about it.
"""

from typing import TYPE_CHECKING

from irsa.cli.render import console
from irsa.errors import InputError, RefusedError, WebError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from irsa.cli.provisioning import Site
    from irsa.config import Config
    from irsa.identity.issuer import IssuerUrl
    from irsa.identity.keys import PublicKey
    from irsa.provision.checks import Published


def require(site: "Site", keys: "Iterable[PublicKey]") -> None:
    """
    Make sure that an issuer which is said to exist is in force, public, and has the keys.

    Documents that cannot be read from here are a warning: `apply` waits for them.

    Raises:
        RefusedError: Another issuer is in force, or the documents are wrong.
        KubeError: An API server cannot be reached.
    """
    from irsa.provision.checks import Published

    config = site.config
    kids = tuple(key.kid for key in keys)
    if config.issuer.publish != "existing" or not kids:
        return
    _require_in_force(site)
    with console.step(f"read the documents of {config.issuer.url}"):
        missing = _missing(site, Published(issuer=config.issuer_url, kids=kids, ours=False))
    if missing:
        raise RefusedError(
            f"the issuer {config.issuer.url} is not right as it is: {missing}",
            hint="whoever publishes it has to mend it; or let irsa publish one (publish: s3)",
        )


def require_changeable(config: "Config | None", issuer: "IssuerUrl") -> None:
    """
    Make sure that an issuer is to become the cluster's, and is not so already.

    Raises:
        RefusedError: It is the present one.
    """
    if config and config.issuer.publish == "existing" and config.issuer_url == issuer:
        raise RefusedError(
            f"nothing has to change: {issuer} is the cluster's present issuer (publish: existing), "
            "and the API servers are left alone",
            hint="irsa apply does the rest; another issuer needs another issuer.publish",
        )


def _require_in_force(site: "Site") -> None:
    from irsa.apiserver import fleet, present

    if site.kube is None:
        return
    for server in fleet.discover(site.kube):
        with site.kube.at(server.url) as there:
            found = present.named(there)
        if found != site.config.issuer.url:
            raise RefusedError(
                f"API server {server.name} signs tokens with {found}, the configuration says that "
                f"{site.config.issuer.url} exists",
                hint="correct issuer.url, or have irsa publish an issuer (publish: s3)",
            )


def _missing(site: "Site", check: "Published") -> str | None:
    from irsa.provision import waiting

    try:
        return waiting.unpublished(check, site.world)
    except InputError as error:
        return error.message
    except WebError as error:
        console.warning(f"the issuer's documents cannot be read from here: {error.message}")
        return None
