"""
A cluster in memory, with the verbs of irsa.kube.client.Kube and their rules.

What it keeps of the real one: status and reason of every refusal, field managers and their
conflicts, uids, resource versions, namespaces that must exist, dry runs, watches. What it leaves
out: admission, validation, garbage collection, controllers.
"""

import copy
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
from tests.fakes import fields

from irsa.errors import KubeError
from irsa.kube.client import IssuedToken
from irsa.kube.objects import Object, Ref, collection_path, is_namespaced

Key = tuple[str, str, str, str]


class FakeKube:
    """
    Kube without a cluster.

    Args:
        observer: Told before and after each request that changes something.
        server: The API server's URL.

    Attributes:
        documents: What `raw` answers, by path.
        refuse: Called with verb and path before each request; returns an error to raise, or None.
        requests: Verb and path of every request, in order.
        propagations: What every deletion said of the dependents.
        tokens: Namespace, name, audiences and what it is bound to, of every token.
    """

    def __init__(self, *, observer=None, server: str = "https://kube.example:6443") -> None:
        self.server = server
        self.is_closed = False
        self.tls_server_name: str | None = None
        self.documents: dict[str, bytes] = {}
        self.refuse: Callable[[str, str], KubeError | None] = lambda _verb, _path: None
        self.requests: list[tuple[str, str]] = []
        self.tokens: list[tuple[str, str, tuple[str, ...], Ref | None]] = []
        self.propagations: list[str] = []
        self._observer = observer
        self._objects: dict[Key, Object] = {}
        self._managers: dict[Key, fields.Managers] = {}
        self._versions = itertools.count(1)
        self._log: list[tuple[str, Key, Object]] = []
        self._changed = threading.Condition()
        for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
            self._store({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, {})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """End the watches."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    def at(self, server_url: str, *, tls_server_name: str | None = None) -> "FakeKube":
        """The same cluster through another API server."""
        other = copy.copy(self)
        other.server, other.tls_server_name = server_url, tls_server_name
        return other

    def get(self, ref: Ref) -> Object | None:
        self._asked("get", ref.path)
        return copy.deepcopy(self._objects.get(_key(ref)))

    def list(
        self, api_version, kind, *, namespace=None, label_selector=None, field_selector=None
    ) -> list[Object]:
        self._asked("list", collection_path(api_version, kind, namespace))
        return [
            copy.deepcopy(obj)
            for key, obj in sorted(self._objects.items(), key=lambda item: item[0])
            if _is_in(key, obj, (api_version, kind, namespace), (label_selector, field_selector))
        ]

    def watch(
        self,
        api_version,
        kind,
        *,
        namespace=None,
        label_selector=None,
        field_selector=None,
        timeout=None,
    ) -> Iterator[tuple[str, Object]]:
        place, selectors = (api_version, kind, namespace), (label_selector, field_selector)
        deadline = None if timeout is None else time.monotonic() + timeout
        position = len(self._log)
        for obj in self.list(
            api_version,
            kind,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
        ):
            yield "ADDED", obj
        while True:
            for event, key, obj in self._log[position:]:
                position += 1
                if _is_in(key, obj, place, selectors):
                    yield event, copy.deepcopy(obj)
            with self._changed:
                left = None if deadline is None else deadline - time.monotonic()
                if self.is_closed or (left is not None and left <= 0):
                    return
                self._changed.wait_for(
                    lambda seen=position: self.is_closed or len(self._log) > seen, timeout=left
                )

    def apply(self, obj, *, field_manager="irsa", force=False, dry_run=False) -> Object:
        ref = Ref.of(obj)
        with self._changing("PATCH", ref.path, dry_run=dry_run):
            self._needs_namespace(ref)
            key = _key(ref)
            version = obj["metadata"].get("resourceVersion")
            current = self._objects.get(key, {"metadata": {}})["metadata"].get("resourceVersion")
            if version not in (None, "", current):
                raise _conflict(f"{ref} has been modified")
            applied = fields.apply(
                self._objects.get(key, _bare(obj)),
                copy.deepcopy(dict(obj)),
                managers=self._managers.get(key, {}),
                manager=field_manager,
                force=force,
            )
            if isinstance(applied, str):
                raise _conflict(f"cannot patch {ref}: {applied}")
            return self._store(*applied, dry_run=dry_run)

    def create(self, obj, *, dry_run=False) -> Object:
        obj = copy.deepcopy(dict(obj))
        metadata = obj.setdefault("metadata", {})
        if "name" not in metadata:
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
        ref = Ref.of(obj)
        path = collection_path(ref.api_version, ref.kind, ref.namespace)
        with self._changing("POST", path, dry_run=dry_run):
            self._needs_namespace(ref)
            if _key(ref) in self._objects:
                raise KubeError(f"{ref} already exists", status=409, reason="AlreadyExists")
            return self._store(obj, {"irsa": fields.leaves(obj)}, dry_run=dry_run)

    def replace(self, obj, *, dry_run=False) -> Object:
        obj = copy.deepcopy(dict(obj))
        ref = Ref.of(obj)
        with self._changing("PUT", ref.path, dry_run=dry_run):
            current = self._existing(ref)
            version = obj["metadata"].get("resourceVersion")
            if version not in (None, "", current["metadata"]["resourceVersion"]):
                raise _conflict(f"{ref} has been modified")
            return self._store(obj, {"irsa": fields.leaves(obj)}, dry_run=dry_run)

    def patch(self, ref: Ref, patch, *, kind="merge", subresource=None, dry_run=False) -> Object:
        path = ref.path + (f"/{subresource}" if subresource else "")
        with self._changing("PATCH", path, dry_run=dry_run):
            current = copy.deepcopy(self._existing(ref))
            patched = fields.PATCHES[kind](current, copy.deepcopy(patch))
            managers = dict(self._managers[_key(ref)])
            touched = fields.leaves(patched) - fields.leaves(self._existing(ref))
            managers["irsa"] = managers.get("irsa", frozenset()) | touched
            return self._store(patched, managers, dry_run=dry_run)

    def delete(self, ref: Ref, *, uid=None, propagation="Background") -> bool:
        with self._changing("DELETE", ref.path):
            current = self._objects.get(_key(ref))
            if current is None:
                return False
            self.propagations.append(propagation)
            if uid not in (None, current["metadata"]["uid"]):
                raise _conflict(f"{ref} has another uid than {uid}")
            self._forget(_key(ref))
            if ref.kind == "Namespace":
                for key in [key for key in self._objects if key[2] == ref.name]:
                    self._forget(key)
            return True

    def raw(self, path: str) -> bytes:
        self._asked("get", path)
        if path not in self.documents:
            raise KubeError(f"{self.server} does not serve {path}", status=404)
        return self.documents[path]

    def create_token(
        self,
        namespace,
        name,
        *,
        audiences,
        expiration_seconds=3600,
        bound_to=None,
        bound_uid=None,  # noqa: ARG002 - the real one's signature
    ) -> IssuedToken:
        account = Ref("v1", "ServiceAccount", name, namespace)
        self._asked("create", f"{account.path}/token")
        self._existing(account)
        if expiration_seconds < 600:
            raise KubeError("a life of less than 10 minutes", status=422, reason="Invalid")
        self.tokens.append((namespace, name, tuple(audiences), bound_to))
        return IssuedToken(
            token=f"fake.{namespace}.{name}",
            expires=datetime.now(UTC) + timedelta(seconds=expiration_seconds),
        )

    def cluster_uid(self) -> str:
        return self._existing(Ref("v1", "Namespace", "kube-system"))["metadata"]["uid"]

    def version(self) -> dict:
        document = self.documents.get("/version")
        default = {"major": "1", "minor": "36", "gitVersion": "v1.36.3"}
        return msgspec.json.decode(document) if document else default

    def _asked(self, verb: str, path: str) -> None:
        self.requests.append((verb, path))
        if (error := self.refuse(verb, path)) is not None:
            raise error

    def _changing(self, method: str, path: str, *, dry_run: bool = False):
        self._asked(method.lower(), path)
        return _Observed(None if dry_run else self._observer, method, path)

    def _existing(self, ref: Ref) -> Object:
        obj = self._objects.get(_key(ref))
        if obj is None:
            raise KubeError(f"{ref} not found", status=404, reason="NotFound")
        return obj

    def _needs_namespace(self, ref: Ref) -> None:
        if is_namespaced(ref.kind):
            self._existing(Ref("v1", "Namespace", ref.namespace or ""))

    def _store(self, obj: Object, managers: fields.Managers, *, dry_run: bool = False) -> Object:
        key = _key(Ref.of(obj))
        before = self._objects.get(key)
        kept = (before or {}).get("metadata", {})
        obj["metadata"] |= {
            "uid": kept.get("uid") or str(uuid.uuid4()),
            "creationTimestamp": kept.get("creationTimestamp") or f"{datetime.now(UTC):%FT%TZ}",
            "resourceVersion": kept.get("resourceVersion", ""),
        }
        changed = obj != before
        if changed:
            obj["metadata"]["resourceVersion"] = str(next(self._versions))
        if not dry_run:
            self._managers[key] = dict(managers)
            self._objects[key] = obj
            if changed:
                self._happened("MODIFIED" if before else "ADDED", key, obj)
        return copy.deepcopy(obj)

    def _forget(self, key: Key) -> None:
        self._managers.pop(key)
        self._happened("DELETED", key, self._objects.pop(key))

    def _happened(self, event: str, key: Key, obj: Object) -> None:
        with self._changed:
            self._log.append((event, key, copy.deepcopy(obj)))
            self._changed.notify_all()


class _Observed:
    """Tells an observer before a change, and after it succeeded."""

    def __init__(self, observer, method: str, path: str) -> None:
        self._observer, self._request = observer, (method, path)

    def __enter__(self):
        if self._observer:
            self._observer.before(*self._request)

    def __exit__(self, kind, error, traceback):
        if self._observer and kind is None:
            self._observer.after(*self._request)


def _bare(obj) -> Object:
    metadata = {k: v for k, v in obj["metadata"].items() if k in ("name", "namespace")}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}


def _key(ref: Ref) -> Key:
    group = ref.api_version.rpartition("/")[0]
    return group, ref.kind, (ref.namespace or "") if is_namespaced(ref.kind) else "", ref.name


def _is_in(key: Key, obj: Object, place, selectors) -> bool:
    api_version, kind, namespace = place
    if key[:2] != (api_version.rpartition("/")[0], kind) or namespace not in (None, key[2]):
        return False
    labels, wanted_fields = selectors
    values = obj["metadata"].get("labels") or {}
    return all(_matches(term, values.get) for term in _terms(labels)) and all(
        _matches(term, lambda path: fields.at(obj, path)) for term in _terms(wanted_fields)
    )


def _terms(selector: str | None) -> list[str]:
    return [term.strip() for term in (selector or "").split(",") if term.strip()]


def _matches(term: str, value_of) -> bool:
    """One term of a selector: `a=b`, `a==b`, `a!=b`, `a` or `!a`."""
    if "!=" in term:
        name, _, wanted = term.partition("!=")
        return value_of(name) != wanted
    if "=" in term:
        name, _, wanted = term.partition("=")
        return value_of(name) == wanted.removeprefix("=")
    if term.startswith("!"):
        return value_of(term[1:]) is None
    return value_of(term) is not None


def _conflict(message: str) -> KubeError:
    return KubeError(message, status=409, reason="Conflict")
