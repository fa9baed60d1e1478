"""
The options of `irsa init`, as a value.

Never here: looking at cluster or account, asking.
"""

from dataclasses import dataclass
from typing import Any

from irsa.cli.interview import check
from irsa.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """
    What the options say.

    Args:
        account: The AWS account, where AWS is not looked at.
        uid: The cluster's uid, where the cluster is not looked at.
        public_keys: Its public keys then, as files seen from the configuration's directory.
    """

    name: str | None = None
    region: str | None = None
    profile: str | None = None
    bucket: str | None = None
    service_accounts: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    inline_policy: dict[str, Any] | None = None
    engine: str | None = None
    host_network: bool = False
    port: int = 9443
    replicas: int | None = None
    account: str | None = None
    uid: str | None = None
    public_keys: tuple[str, ...] = ()
    kubeconfig: str | None = None
    context: str | None = None

    def check_halves(self) -> None:
        """
        Make sure that whatever is not looked at is given whole.

        Raises:
            InputError: It is not.
        """
        from irsa.config import rules

        if self.account is not None:
            check("--account", self.account, rules.account)
        if self.uid is not None:
            check("--uid", self.uid, rules.uid)
        if bool(self.uid) != bool(self.public_keys):
            said, needed = ("--uid", "--public-key") if self.uid else ("--public-key", "--uid")
            raise InputError(
                f"{said} needs {needed}: a cluster that is not looked at is known by its uid and "
                "its public keys",
                hint="the uid: kubectl get namespace kube-system -o jsonpath={.metadata.uid}; the "
                "keys: the files that the API server's --service-account-key-file names",
            )


def also(hint: str | None, other: str) -> str:
    """A hint, and another way."""
    return f"{hint}; or {other}" if hint else other
