"""
One HTTP request and its answer, as values.

Never here: sockets, and what a request means.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote


@dataclass(frozen=True, kw_only=True)
class Request:
    """
    One request as it was sent.

    Args:
        path: The path with its percent-encoding, without the query.
        query_text: What followed the question mark.
        headers: By lower-case name; repeated headers are joined by commas.
        body: The entity after HTTP's own transfer coding.
        secure: Whether it came over TLS; here it always does.
    """

    method: str
    host: str
    path: str
    query_text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secure: bool = True
    source_ip: str = "127.0.0.1"

    @cached_property
    def raw_query(self) -> tuple[tuple[str, str], ...]:
        """The query's pairs, percent-decoded; a plus sign stays a plus sign."""
        pairs = (part.partition("=") for part in self.query_text.split("&") if part)
        return tuple((unquote(name), unquote(value)) for name, _, value in pairs)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query as S3 reads it: percent-decoded, a plus sign is a space."""
        pairs = (part.partition("=") for part in self.query_text.split("&") if part)
        return {
            unquote(name.replace("+", " ")): unquote(value.replace("+", " "))
            for name, _, value in pairs
        }

    def header(self, name: str) -> str | None:
        """A header by its lower-case name."""
        return self.headers.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer: `headers` without those that the connection itself adds."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
