"""
What to present with the next request: read anew, or issued anew, whenever that is due.

Never here: requests; parsing what a plug-in prints.
"""

import base64
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from irsa import files
from irsa.kube import plugin
from irsa.kube.connection import ClientCertificate, Connection, bearer

# A credential is renewed this long before it expires, so that it does not do so on the way.
MARGIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """The headers, and the client certificate, for one request."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    certificate: ClientCertificate | None = None


class Credentials:
    """
    The credentials of a connection; safe to share between threads.

    Args:
        connection: Whose they are.
        now: The clock.
        plugin_timeout: Seconds until an exec plug-in is killed; None for the usual ones.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        plugin_timeout: float | None = None,
    ) -> None:
        self._connection = connection
        self._auth = connection.auth
        self._now = now
        self._plugin_timeout = plugin_timeout
        self._issued: plugin.Issued | None = None
        self._lock = threading.Lock()

    def present(self) -> Presented:
        """
        What to present now.

        Raises:
            KubeError: The exec plug-in failed.
            InputError: The token cannot be read, or cannot be sent.
        """
        auth = self._auth
        if auth.token_file:
            return self._with(self._bearer(files.read_text(Path(auth.token_file)).strip()))
        if auth.token:
            return self._with(self._bearer(auth.token))
        if auth.username is not None:
            pair = f"{auth.username}:{auth.password or ''}".encode()
            return self._with(f"Basic {base64.b64encode(pair).decode()}")
        issued = self._from_plugin()
        authorization = self._bearer(issued.token) if issued.token else None
        return self._with(authorization, issued.certificate)

    def _bearer(self, token: str) -> str:
        return bearer(token, self._connection.origin)

    def _with(
        self, authorization: str | None, certificate: ClientCertificate | None = None
    ) -> Presented:
        headers = self._auth.impersonation
        if authorization:
            headers = (*headers, ("Authorization", authorization))
        return Presented(headers=headers, certificate=certificate or self._auth.certificate)

    def renew(self) -> bool:
        """Forget what was issued; False if a new try would present the same again."""
        with self._lock:
            had, self._issued = self._issued is not None, None
            return had

    def _from_plugin(self) -> plugin.Issued:
        if self._auth.plugin is None:
            return plugin.Issued()
        with self._lock:
            if self._issued is None or self._is_due(self._issued):
                self._issued = plugin.run(
                    self._auth.plugin,
                    self._connection,
                    environment=os.environ,
                    terminal=sys.stdin is not None and sys.stdin.isatty(),
                    timeout=self._plugin_timeout,
                )
            return self._issued

    def _is_due(self, issued: plugin.Issued) -> bool:
        return issued.expires is not None and self._now() >= issued.expires - MARGIN
