"""
One HTTP session for each call that is under way.

For every new connection urllib3 loads the CA bundle into the TLS context of its session, and
OpenSSL does not guard a context's certificates against threads that do so side by side: now and
then the process died of it at its end. So no session is used by two calls at the same time.
Never here: what is sent.
"""

from typing import Any, Protocol

import botocore.session
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies


class Session(Protocol):
    """What sends a request, and keeps its connections for the next."""

    def send(self, request: Any) -> Any:
        """The answer."""

    def close(self) -> None:
        """Close the connections."""


class Sessions:
    """
    Sessions for one client, made as they are needed and used again.

    Args:
        verify: The CA bundle; True for the one that comes with botocore.
        proxies: By scheme.
        timeout: Seconds to connect, and to read.
    """

    def __init__(
        self, *, verify: str | bool, proxies: dict[str, str], timeout: tuple[float, float]
    ) -> None:
        self._settings = {"verify": verify, "proxies": proxies, "timeout": timeout}
        # Lists append and pop in one step, whatever other threads do.
        self._idle: list[Session] = []

    @classmethod
    def of(
        cls, client: Any, session: botocore.session.Session, *, timeout: tuple[float, float]
    ) -> "Sessions":
        """Those of a client, with the CA bundle and the proxies that botocore would take."""
        return cls(
            verify=session.get_config_variable("ca_bundle") or True,
            proxies=get_environ_proxies(client.meta.endpoint_url),
            timeout=timeout,
        )

    def send(self, request: Any, **_: Any) -> Any:
        """Send what botocore is about to send; a handler of its event `before-send`."""
        session = self._taken()
        try:
            return session.send(request)
        finally:
            self._idle.append(session)

    def close(self) -> None:
        """Close the connections; nothing may be under way."""
        while self._idle:
            self._idle.pop().close()

    def _taken(self) -> Session:
        try:
            return self._idle.pop()
        except IndexError:
            return self._made()

    def _made(self) -> Session:
        made: Session = URLLib3Session(**self._settings)
        return made
