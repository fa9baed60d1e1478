"""
What IAM Identity Center remembers: registered clients, log-ins under way, and sessions.

Never here: rules, IAM, and the time.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """
    A program that was registered.

    Args:
        region: Where; no other region knows it.
        grants: The grant types that it may use.
        redirects: Where a browser may be sent back to, for the grant type that needs it.
        refreshed: Whether its tokens can be refreshed.
        expires: When its secret ends.
    """

    id: str
    secret: str = field(repr=False)
    region: str
    grants: tuple[str, ...]
    redirects: tuple[str, ...]
    refreshed: bool
    expires: datetime


@dataclass(kw_only=True)
class Device:
    """
    A log-in by device code: the program polls until somebody has opened the page.

    Args:
        code: What the program polls with.
        user_code: What somebody types into the page, or the address already says.
        polls: When the program asked, the last few times.
    """

    code: str = field(repr=False)
    user_code: str
    client: Client
    expires: datetime
    allowed: bool = False
    polls: list[datetime] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A log-in by browser: what it brings back to the program, which can use it once."""

    text: str = field(repr=False)
    client: Client
    redirect: str
    challenge: str
    expires: datetime


@dataclass(kw_only=True)
class Session:
    """
    Somebody who is logged in.

    Args:
        expires: When it ends, however often its tokens are refreshed.
        refresh: What gets another access token; None where there is no such thing.
        tokens: Access tokens, and until when each is good.
    """

    client: Client
    expires: datetime
    refresh: str | None = field(repr=False)
    tokens: dict[str, datetime] = field(default_factory=dict, repr=False)


@dataclass(kw_only=True)
class SignOn:
    """All of it."""

    clients: dict[str, Client] = field(default_factory=dict)
    devices: list[Device] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def holding(self, token: str) -> Session | None:
        """The session that an access token belongs to."""
        return next((one for one in self.sessions if token in one.tokens), None)


def fresh() -> str:
    """An identifier or a secret that nobody can guess."""
    return secrets.token_urlsafe(48)
