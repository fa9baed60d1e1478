"""
One API server, asked directly: is it ready, since when, what does it sign, what does it accept.

Never here: judging the answers.
"""

import re
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from irsa.apiserver import flags
from irsa.apiserver.flags import Issuance
from irsa.apiserver.servers import Server
from irsa.apiserver.stages import Known
from irsa.errors import InputError, KubeError

if TYPE_CHECKING:
    from irsa.kube.client import Kube

DISCOVERY_PATH = "/.well-known/openid-configuration"
ACCOUNT = ("kube-system", "default")
SECONDS = 600
_START = re.compile(rb"^process_start_time_seconds ([0-9.eE+-]+)$", re.MULTILINE)


class Probe:
    """
    A connection to one API server, whichever one the kubeconfig names.

    Args:
        kube: The cluster.
        server: The one to ask.
    """

    def __init__(self, kube: "Kube", server: Server) -> None:
        self.server = server
        self._kube = kube.at(server.url)

    def __enter__(self) -> "Probe":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._kube.close()

    def require_ready(self) -> None:
        """
        Ask whether it is ready.

        Raises:
            KubeError: It is not, or does not answer.
        """
        self._kube.raw("/readyz")

    def started(self) -> float:
        """
        When its process started, as it says itself.

        Raises:
            KubeError: It does not say.
        """
        found = _START.search(self._kube.raw("/metrics"))
        if found is None:
            raise KubeError(f"{self.server.url}/metrics has no process_start_time_seconds")
        return float(found.group(1))

    def document(self) -> dict[str, Any] | None:
        """
        Its own discovery document; None where it has none.

        Raises:
            KubeError: It does not answer, or with something else than a document.
        """
        try:
            return msgspec.json.decode(self._kube.raw(DISCOVERY_PATH), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise KubeError(f"{self.server.url}{DISCOVERY_PATH} is not a document") from error
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def mint(self) -> str:
        """
        Mint a short token for the API server itself.

        Raises:
            KubeError: It mints none.
        """
        namespace, name = ACCOUNT
        issued = self._kube.create_token(namespace, name, audiences=[], expiration_seconds=SECONDS)
        return issued.token

    def rejects(self, token: str) -> str | None:
        """
        Why it does not accept a token; None where it does.

        Raises:
            KubeError: It does not review tokens.
        """
        answer = self._kube.create(
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenReview",
                "metadata": {},
                "spec": {"token": token},
            }
        )
        status = answer.get("status") or {}
        return (
            None if status.get("authenticated") else str(status.get("error") or "no reason given")
        )


def look(kube: "Kube", server: Server) -> Known:
    """All that can be known of one server now; what cannot be learnt is told, not raised."""
    issuance, problem = _issuance(server)
    try:
        with Probe(kube, server) as probe:
            probe.require_ready()
            issuer = (probe.document() or {}).get("issuer")
    except KubeError as error:
        return Known(name=server.name, issuance=issuance, answers=False, problem=error.message)
    return Known(
        name=server.name,
        issuance=issuance,
        answers=True,
        document_issuer=issuer,
        problem=problem,
    )


def _issuance(server: Server) -> tuple[Issuance | None, str | None]:
    if server.command is None:
        return None, "it has no pod that shows its flags"
    try:
        found = flags.issuance_of(flags.parse(server.command, f"the pod of {server.name}"))
    except InputError as error:
        return None, error.message
    return found, None
