"""
What holds for any bytes at all, checked on one input; for the fuzzer, and for replaying its finds.

The reviews: any body gets an answer or HTTP 400, the patch applies, patched twice is patched once,
and what was in the pod and is not ours is the same JSON value afterwards.
The wire: any bytes leave a connection that answers in HTTP, or is closed.
"""

import base64
import copy
import json
import zlib
from collections.abc import Callable
from typing import Any

from irsa.injection.grants import Defaults, Grant, Verdict, grant_of
from irsa.webhook.application import Application
from irsa.webhook.connections import Connections
from irsa.webhook.directory import UNKNOWN, Cache, Unknown
from irsa.webhook.handler import Handler, Outcome, Question
from irsa.webhook.journal import Journal
from irsa.webhook.limits import Limits
from irsa.webhook.metrics import Metrics
from irsa.webhook.protocol import Protocol

Patched = Callable[[Any, list[dict]], Any]

_ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/web"}
_DEFAULTS = (
    Defaults(),
    Defaults(region="eu-west-1", session_name=False),
    Defaults(region="eu-west-1", mount_path="/run/token"),
    Defaults(allowed_accounts=frozenset({"999999999999"})),
)
_LISTS = {"volumes", "env", "volumeMounts"}


class Grants:
    """A directory that grants something else to each namespace, and does not know every name."""

    def known(self, namespace: str, name: str) -> Verdict | Unknown:
        if name == "unknown":
            return UNKNOWN
        if name == "plain":
            return None
        defaults = _DEFAULTS[zlib.crc32(namespace.encode(errors="replace")) % len(_DEFAULTS)]
        return grant_of(_ROLE, defaults, namespace=namespace, name=name)

    async def find(self, namespace: str, name: str, *, patience: float) -> Verdict:  # noqa: ARG002
        return None


HANDLER = Handler(Grants())


def applied(document: Any, operations: list[dict]) -> Any:
    """The document after a JSON patch of `add` operations, as strict as RFC 6902."""
    document = copy.deepcopy(document)
    for operation in operations:
        assert operation["op"] == "add", operation
        *parents, last = (part.replace("~1", "/") for part in operation["path"].split("/")[1:])
        target = document
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target[part]
        if isinstance(target, list):
            assert last == "-", operation
            target.append(copy.deepcopy(operation["value"]))
        else:
            assert not target.get(last), f"{operation['path']} is there already"
            target[last] = copy.deepcopy(operation["value"])
    return document


def check_review(body: bytes, *, patched: Patched = applied) -> None:
    """Every promise about one body."""
    reply = HANDLER.answer(body)
    if isinstance(reply, Question):
        return
    assert reply.outcome is not Outcome.failed, reply.reason
    if reply.status != 200:
        assert reply.status == 400
        assert b"\n" not in reply.body[:-1]
        return
    response = json.loads(reply.body)["response"]
    assert response["allowed"] is True
    assert response["uid"] == reply.uid
    if "patch" in response:
        _check_patch(body, json.loads(base64.b64decode(response["patch"])), patched)


def _check_patch(body: bytes, operations: list[dict], patched: Patched) -> None:
    try:
        review = json.loads(body)
    except (ValueError, RecursionError):
        return  # in parts that nobody reads; no API server sends such
    before = review["request"]["object"]
    after = patched(before, operations)
    assert_kept(before, after)
    if not any(operation["path"].startswith("/metadata") for operation in operations):
        assert_whole(before["spec"], after["spec"])
    review["request"]["object"] = after
    again = HANDLER.answer(json.dumps(review).encode())
    assert again.outcome is Outcome.unchanged, again


def assert_whole(before: dict, after: dict) -> None:
    """Nothing is there twice that was not, and who got variables has the token that they name."""
    volumes = after["volumes"]
    assert repeated(volumes, "name") == repeated(before.get("volumes"), "name")
    tokens = {volume.get("name", "") for volume in volumes if volume.get("projected")}
    for kind in ("initContainers", "containers"):
        for old, new in zip(before.get(kind) or (), after.get(kind) or (), strict=True):
            assert repeated(new.get("env"), "name") == repeated(old.get("env"), "name")
            mounts = new.get("volumeMounts") or []
            kept = repeated(old.get("volumeMounts"), "mountPath")
            assert repeated(mounts, "mountPath") == kept
            for variable in (new.get("env") or [])[len(old.get("env") or []) :]:
                if variable["name"] == "AWS_WEB_IDENTITY_TOKEN_FILE":
                    assert_mounted(variable["value"], mounts, tokens)


def repeated(items: list[dict] | None, key: str) -> int:
    """How many names or paths are there more than once."""
    names = [item.get(key, "").rstrip("/") for item in items or ()]
    return len(names) - len(set(names))


def assert_mounted(file: str, mounts: list[dict], tokens: set[str]) -> None:
    """There is a whole projected volume where the variable says that the token is."""
    place = file.removeprefix("C:").replace("\\", "/").removesuffix("/token")
    found = [mount for mount in mounts if mount.get("mountPath", "").rstrip("/") == place]
    assert found, f"nothing is mounted at {place}"
    for mount in found:
        assert not mount.get("subPath"), mount
        assert not mount.get("subPathExpr"), mount
        assert mount.get("name", "") in tokens, mount


def assert_kept(before: Any, after: Any, *, at: str = "") -> None:
    """All that was there is there, the same value at the same place; lists of ours only grow."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            assert name in after, f"{at}.{name} is gone"
            if name in _LISTS and (value is None or isinstance(value, list)):
                kept = value or []
                assert after[name] is value or after[name][: len(kept)] == kept, f"{at}.{name}"
            else:
                assert_kept(value, after[name], at=f"{at}.{name}")
    elif isinstance(before, list) and isinstance(after, list):
        assert len(before) == len(after), at
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            assert_kept(old, new, at=f"{at}[{index}]")
    else:
        assert json.dumps(before) == json.dumps(after), at


class Transport:
    """Where a connection writes to, without a socket."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.ended = False

    def get_extra_info(self, _name: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        assert not self.ended, "written after the end"
        self.written.append(data)

    def close(self) -> None:
        self.ended = True

    abort = close

    def is_closing(self) -> bool:
        return self.ended

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


STATUSES = {b"200", b"400", b"403", b"404", b"405", b"408", b"413", b"503"}


def check_wire(data: bytes) -> None:
    """Every promise about what arrives on a connection; the first byte says in which pieces."""
    application = Application(Known(), Cache(), metrics=Metrics(), journal=Journal(_nowhere))
    connections = Connections(Limits(body=4096, head=8192, held=6000), clock=lambda: 0.0)
    connection, transport = Protocol(application, connections), Transport()
    connection.connection_made(transport)
    size = 1 + (data[0] if data else 0) * 4
    for start in range(1, len(data), size):
        piece = data[start : start + size]
        connection.get_buffer(-1)[: len(piece)] = piece
        connection.buffer_updated(len(piece))
        assert connection.held <= 4096
    connection.expire()
    connection.connection_lost(None)
    assert len(connections) == 0
    for answer in transport.written:
        assert answer.startswith(b"HTTP/1.1 "), answer
        assert answer == b"HTTP/1.1 100 Continue\r\n\r\n" or answer[9:12] in STATUSES, answer


class Known(Grants):
    """A directory that never has to ask."""

    def known(self, namespace: str, name: str) -> Verdict | Unknown:
        verdict = super().known(namespace, name)
        return None if isinstance(verdict, Unknown) else verdict


def _nowhere(_line: bytes) -> None:
    pass


TARGETS = {"reviews": check_review, "wire": check_wire}

assert isinstance(Grants().known("shop", "web"), Grant)
