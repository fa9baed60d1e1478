"""
Certificates for AWS's host names, made as they are asked for, by an authority of this rig's own.

S3's are wildcards of one label, as the real ones: a bucket with dots in its name cannot be reached
by a virtual host here either.
Never here: host names that are not AWS's.
"""

import ssl
import tempfile
import threading
from pathlib import Path

from irsa.local.aws.hosts import Target
from irsa.local.aws.world import Clock
from irsa.tls.certs import Authority, LeafRequest

DAYS = 30


class HostCertificates:
    """TLS contexts by host name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._authority = Authority.generate("irsa local AWS", now=clock(), days=DAYS)
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._lock = threading.Lock()

    @property
    def authority_pem(self) -> bytes:
        """What clients must trust."""
        return self._authority.certificate_pem

    def context(self, host: str, target: Target) -> ssl.SSLContext:
        """The server side of a connection to a host."""
        names = _names(host, target)
        with self._lock:
            if names not in self._contexts:
                self._contexts[names] = self._make(names)
            return self._contexts[names]

    def _make(self, names: tuple[str, ...]) -> ssl.SSLContext:
        request = LeafRequest(common_name=names[0], dns_names=names)
        leaf = self._authority.issue(request, now=self._clock(), days=DAYS)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.TemporaryDirectory(prefix="irsa-") as directory:
            certificate, key = Path(directory) / "tls.crt", Path(directory) / "tls.key"
            certificate.write_bytes(leaf.certificate_pem)
            key.touch(mode=0o600)
            key.write_bytes(leaf.private_key_pem)
            context.load_cert_chain(certificate, key)
        return context


def _names(host: str, target: Target) -> tuple[str, ...]:
    if target.bucket is not None:
        endpoint = host.removeprefix(f"{target.bucket}.")
        return (endpoint, f"*.{endpoint}")
    if target.account is not None:
        return (f"*.{host.removeprefix(f'{target.account}.')}",)
    return (host,)
