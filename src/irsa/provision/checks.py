"""
What a plan waits for, as values: it is part of the plan, and shown with it.

Never here: asking whether it is so; that is `waiting`.
"""

from dataclasses import dataclass
from typing import Any

from irsa.identity.issuer import IssuerUrl
from irsa.kube.objects import Object, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """
    The world can read the two documents of the issuer, and they hold these keys.

    Args:
        issuer: The issuer.
        kids: The keys.
        ours: Whether irsa publishes them; others may give the JWKS another name and type.
    """

    issuer: IssuerUrl
    kids: tuple[str, ...]
    ours: bool = True

    @property
    def title(self) -> str:
        """What is waited for, in words."""
        return f"read {self.issuer.discovery_url} and its keys back, anonymously"

    def to_json(self) -> dict[str, Any]:
        """The check, as plain JSON values."""
        return {"check": "published", "issuer": str(self.issuer), "kids": list(self.kids)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Available:
    """A Deployment runs in its newest form, with all its pods."""

    ref: Ref

    @property
    def title(self) -> str:
        """What is waited for, in words."""
        return f"Deployment {self.ref.namespace}/{self.ref.name} is available"

    def to_json(self) -> dict[str, Any]:
        """The check, as plain JSON values."""
        return {"check": "available", "object": self.ref.path}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The controller has given every webhook of a configuration its authority (`caBundle`)."""

    ref: Ref

    @property
    def title(self) -> str:
        """What is waited for, in words."""
        return f"the API server has the authority of {self.ref.name} (caBundle)"

    def to_json(self) -> dict[str, Any]:
        """The check, as plain JSON values."""
        return {"check": "trusted", "object": self.ref.path}


@dataclass(frozen=True, slots=True, kw_only=True)
class Injects:
    """A pod that is created (as a dry run) gets the role of its ServiceAccount."""

    pod: Object
    role_arn: str

    @property
    def title(self) -> str:
        """What is waited for, in words."""
        account = f"{self.pod['metadata']['namespace']}/{self.pod['spec']['serviceAccountName']}"
        return f"a pod of ServiceAccount {account} gets its role (dry run)"

    def to_json(self) -> dict[str, Any]:
        """The check, as plain JSON values."""
        return {"check": "injects", "create": self.pod, "dryRun": True, "roleArn": self.role_arn}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """An object of Kubernetes is gone, and what depended on it."""

    ref: Ref

    @property
    def title(self) -> str:
        """What is waited for, in words."""
        return f"{self.ref.kind} {self.ref.name} is gone"

    def to_json(self) -> dict[str, Any]:
        """The check, as plain JSON values."""
        return {"check": "gone", "object": self.ref.path}


Check = Published | Available | Trusted | Injects | Gone
