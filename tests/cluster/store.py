"""etcd behind the API servers of a rig, by its JSON gateway."""

import base64
import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .rigs import Rig

# etcd takes so many changes at once.
BATCH = 100


@contextlib.contextmanager
def etcd(rig: Rig) -> Iterator["Etcd"]:
    """A connection to the etcd of a rig."""
    directory = Path(rig.status["directory"])
    pki = Path(rig.status["apiServers"][0]["nodeDirectory"]) / "etc/kubernetes/pki"
    context = ssl.create_default_context(cafile=str(pki / "etcd/ca.crt"))
    pair = [str(pki / f"apiserver-etcd-client.{end}") for end in ("crt", "key")]
    context.load_cert_chain(*pair)
    port = json.loads((directory / "rig.json").read_text())["etcd_ports"][0]
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=120)
    try:
        yield Etcd(connection)
    finally:
        connection.close()


class Etcd:
    """
    What the tests do behind the API server's back.

    Args:
        connection: To etcd.
    """

    def __init__(self, connection: http.client.HTTPSConnection) -> None:
        self._connection = connection

    def call(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call one method of its API."""
        self._connection.request("POST", f"/v3/{what}", json.dumps(body))
        response = self._connection.getresponse()
        text = response.read()
        assert response.status == 200, text
        return json.loads(text)

    def compact(self) -> None:
        """Forget everything but what is now."""
        now = self.call("kv/range", {"key": encoded("/")})["header"]["revision"]
        self.call("kv/compaction", {"revision": now, "physical": True})

    def put(self, values: Mapping[str, bytes]) -> None:
        """Store values, at most as many as a batch has."""
        puts = [
            {"requestPut": {"key": encoded(key), "value": base64.b64encode(value).decode()}}
            for key, value in values.items()
        ]
        self.call("kv/txn", {"success": puts})

    def clear(self, prefix: str) -> None:
        """Remove everything below a key that ends in a slash."""
        # The character after the slash is the zero.
        end = prefix.removesuffix("/") + "0"
        self.call("kv/deleterange", {"key": encoded(prefix), "range_end": encoded(end)})


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
