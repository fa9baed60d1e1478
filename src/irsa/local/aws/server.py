"""
The local AWS, started: account, administrator, certificates and proxy put together.

Never here: the command line.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from irsa import files
from irsa.local.aws import partitions
from irsa.local.aws.authority import HostCertificates
from irsa.local.aws.front import Front
from irsa.local.aws.iam.users import appointed
from irsa.local.aws.log import CallLog
from irsa.local.aws.proxy import Proxy
from irsa.local.aws.sso import permission_sets
from irsa.local.aws.world import Clock, World, system_clock
from irsa.local.delays import Delays, DelaysFile
from irsa.local.network import LOOPBACK

ADMINISTRATOR = "administrator"


class Server:
    """A running local AWS; `start` makes one, `stop` ends it."""

    def __init__(self, directory: Path, world: World, *, listen: tuple[str, int]) -> None:
        self._directory = directory
        certificates = HostCertificates(world.clock)
        files.write_atomic(directory / "ca.pem", certificates.authority_pem)
        front = Front(world, CallLog(directory / "calls.jsonl"))
        self._proxy = Proxy(listen, certificates, answer=front.answer)
        self._thread = threading.Thread(target=self._proxy.serve_forever, daemon=True)
        self._thread.start()

    @classmethod
    def start(  # noqa: PLR0913 - what makes up an account
        cls,
        directory: Path,
        *,
        account: str,
        region: str,
        keys: tuple[str, str],
        port: int = 0,
        address: str = LOOPBACK,
        clock: Clock = system_clock,
        delays: Callable[[], Delays] | None = None,
    ) -> "Server":
        """
        Start listening.

        Args:
            directory: Where the CA and the log go.
            account: The account's number.
            region: A region; it decides the partition.
            keys: The administrator's access key id and secret.
            port: 0 takes a free one.
            address: Where it listens.
            clock: The time.
            delays: How late things are seen; from the file in the directory if None.
        """
        partitions.complete()
        # moto reads it when the account is first touched; access rules need AWS's own policies.
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        world = World(
            account=account,
            region=region,
            clock=clock,
            delays=delays or DelaysFile(directory),
        )
        _appoint(world, *keys)
        permission_sets.provision(world)
        return cls(directory, world, listen=(address, port))

    @property
    def description(self) -> dict[str, str | int]:
        """What clients need to know."""
        host, port = self._proxy.server_address[:2]
        return {
            "proxy": f"http://{host!s}:{port}",
            "ca": str(self._directory / "ca.pem"),
            "log": str(self._directory / "calls.jsonl"),
            "pid": os.getpid(),
        }

    def stop(self) -> None:
        """Stop listening; what is under way is cut off."""
        self._proxy.shutdown()
        self._proxy.server_close()
        self._thread.join()


def _appoint(world: World, access_key: str, secret: str) -> None:
    user = appointed(world, ADMINISTRATOR)
    arn = f"arn:{world.partition}:iam::aws:policy/AdministratorAccess"
    user.managed_policies[arn] = world.iam.managed_policies[arn]
    key = user.create_access_key(prefix="AKIA")
    key.access_key_id, key.secret_access_key = access_key, secret
    world.iam.access_keys[access_key] = key
