"""
Documents read as the world reads them: anonymously, over verified HTTPS.

Used to read back what was published, the way AWS STS will.
Never here: judging what was read.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx

from irsa.errors import InputError, WebError, excerpt

MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One answer: HTTP status, content type (lower case, no parameters) and body."""

    url: str
    status: int
    content_type: str
    body: bytes


class Web:
    """
    A reader of public documents, that sends no credentials and follows no redirect.

    The proxy comes from the environment (`HTTPS_PROXY`, `NO_PROXY`), as for every tool.

    Args:
        ca_bundle: PEM file of the authorities to trust instead of the system's.
        timeout: Seconds for each of connect and read; STS itself gives up after about five.
    """

    def __init__(self, *, ca_bundle: Path | None = None, timeout: float = 5.0) -> None:
        try:
            context = ssl.create_default_context(cafile=str(ca_bundle) if ca_bundle else None)
        except OSError as error:
            raise InputError(f"cannot use the CA bundle {ca_bundle}: {error}") from error
        self._client = httpx.Client(verify=context, timeout=timeout, follow_redirects=False)

    def __enter__(self) -> "Web":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, url: str) -> Document:
        """
        Read one document, whatever its status.

        Raises:
            WebError: There was no answer, or it is larger than 1 MiB.
        """
        try:
            with self._client.stream("GET", url) as answer:
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise WebError(f"{url} answers with more than {MAX_BYTES} bytes")
        except httpx.HTTPError as error:
            raise WebError(
                f"cannot read {url}: {excerpt(str(error)) or type(error).__name__}",
                hint="check the host name, the proxy (HTTPS_PROXY) and the certificate",
            ) from error
        return Document(
            url=url,
            status=answer.status_code,
            content_type=answer.headers.get("content-type", "").partition(";")[0].strip().lower(),
            body=body,
        )
