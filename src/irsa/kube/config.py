"""
Kubeconfig documents: parsed, merged by kubectl's rules, and one context made into a Connection.

Rules: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
Unknown fields are ignored, as kubectl does: kubeconfigs carry other programs' data.
Never here: finding or reading files; choosing a context.
"""

import contextlib
import posixpath
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from irsa.errors import InputError, excerpt

EXEC_EXTENSION = "client.authentication.k8s.io/exec"


class Extension(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """Data of other programs, by name."""

    name: str
    extension: Any = None


class Cluster(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """How to reach an API server, and how to know it."""

    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    extensions: tuple[Extension, ...] = ()


class EnvVar(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A variable for an exec plug-in."""

    name: str
    value: str = ""


class Exec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A program that issues credentials."""

    api_version: str = ""
    command: str = ""
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: Literal["Never", "IfAvailable", "Always", ""] = ""


class User(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What to present to an API server."""

    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(name="tokenFile", default="")
    username: str = ""
    password: str = ""
    act_as: str = msgspec.field(name="as", default="")
    as_uid: str = ""
    as_groups: tuple[str, ...] = ()
    as_user_extra: dict[str, tuple[str, ...]] = {}
    auth_provider: dict[str, Any] | None = None
    exec: Exec | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A cluster and a user under one name."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class NamedCluster(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A cluster, its name, and the file it comes from."""

    name: str
    cluster: Cluster = Cluster()
    source: str = ""


class NamedUser(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A user, its name, and the file it comes from."""

    name: str
    user: User = User()
    source: str = ""


class NamedContext(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A context, its name, and the file it comes from."""

    name: str
    context: Context = Context()
    source: str = ""


class Kubeconfig(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """One kubeconfig file, or several merged. Paths are absolute, or relative to where we run."""

    clusters: tuple[NamedCluster, ...] = ()
    users: tuple[NamedUser, ...] = ()
    contexts: tuple[NamedContext, ...] = ()
    current_context: str = ""


def parse(text: str, *, source: str) -> Kubeconfig:
    """
    Parse one kubeconfig file; paths in it are made relative to the file.

    Args:
        text: YAML or JSON.
        source: The file's path.

    Raises:
        InputError: Not YAML, a field of the wrong type, or a name that occurs twice.
    """
    document = _load(text, "base", source=source)
    if EXEC_EXTENSION in text:
        _keep_extension_types(document, _load(text, "safe", source=source))
    try:
        config = msgspec.convert(_without_nulls(document), Kubeconfig, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"{source} is not a kubeconfig: {excerpt(str(error))}") from error
    for kind, entries in _sections(config):
        _refuse_twice(kind, [entry.name for entry in entries], source=source)
    return _located(config, source)


def merge(configs: Iterable[Kubeconfig]) -> Kubeconfig:
    """Merge as kubectl does: for each name, and for the current context, the first file wins."""
    merged = Kubeconfig()
    for config in configs:
        merged = Kubeconfig(
            clusters=_first_wins(merged.clusters, config.clusters),
            users=_first_wins(merged.users, config.users),
            contexts=_first_wins(merged.contexts, config.contexts),
            current_context=merged.current_context or config.current_context,
        )
    return merged


def _first_wins(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    taken = {entry.name for entry in first}
    return first + tuple(entry for entry in second if entry.name not in taken)


def _sections(config: Kubeconfig) -> list[tuple[str, tuple[Any, ...]]]:
    return [("cluster", config.clusters), ("user", config.users), ("context", config.contexts)]


def _refuse_twice(kind: str, names: list[str], *, source: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{source} has two entries for {kind} {name!r}")


def _load(text: str, kind: str, *, source: str) -> Any:
    if text.lstrip().startswith("{"):
        with contextlib.suppress(ValueError):
            return _load_json(text, kind)
    return _load_yaml(text, kind, source=source)


def _load_json(text: str, kind: str) -> Any:
    """JSON is YAML, too; but YAML's library is heavier than all else that a process may need."""
    import json

    if kind == "safe":
        return json.loads(text, object_pairs_hook=_unique)
    # Numbers stay as they were written, and what is null is not there.
    return json.loads(text, object_pairs_hook=_unique, parse_int=str, parse_float=str)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _load_yaml(text: str, kind: str, *, source: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    # A tab is no indentation in YAML, but JSON may have it.
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")
    try:
        # "base" keeps every scalar as it was written: names and arguments such as 0123 are text.
        return YAML(typ=kind, pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        # Never the value: it may be a token.
        problem = str(error.problem).partition(" with value")[0]
        raise InputError(f"{source} is not YAML: line {line}: {excerpt(problem)}") from error
    except YAMLError as error:
        raise InputError(f"{source} is not YAML: {excerpt(str(error))}") from error


def _keep_extension_types(document: Any, typed: Any) -> None:
    """Take the extensions, any JSON, from a second reading that knows numbers and booleans."""
    for entry, exact in zip(_clusters(document), _clusters(typed), strict=True):
        if entry.get("extensions"):
            entry["extensions"] = [
                {"name": str(extension.get("name")), "extension": _Opaque(extension)}
                for extension in exact["extensions"]
                if isinstance(extension, dict)
            ]


def _clusters(document: Any) -> list[dict[str, Any]]:
    entries = document.get("clusters") if isinstance(document, dict) else None
    clusters = [entry.get("cluster") for entry in entries or () if isinstance(entry, dict)]
    return [cluster for cluster in clusters if isinstance(cluster, dict)]


class _Opaque:
    """A value that nothing below may touch."""

    def __init__(self, extension: dict[str, Any]) -> None:
        self.value = extension.get("extension")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, _Opaque):
        return value.value
    if isinstance(value, dict):
        nothing = (None, "", "null", "~")
        return {k: _without_nulls(v) for k, v in value.items() if v not in nothing}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value if value is not None else {}


def _located(config: Kubeconfig, source: str) -> Kubeconfig:
    directory = posixpath.dirname(source)
    return Kubeconfig(
        clusters=tuple(
            NamedCluster(
                name=entry.name, cluster=_rooted_cluster(entry.cluster, directory), source=source
            )
            for entry in config.clusters
        ),
        users=tuple(
            NamedUser(name=entry.name, user=_rooted_user(entry.user, directory), source=source)
            for entry in config.users
        ),
        contexts=tuple(
            NamedContext(name=entry.name, context=entry.context, source=source)
            for entry in config.contexts
        ),
        current_context=config.current_context,
    )


def _rooted_cluster(cluster: Cluster, directory: str) -> Cluster:
    authority = _rooted(cluster.certificate_authority, directory)
    return msgspec.structs.replace(cluster, certificate_authority=authority)


def _rooted_user(user: User, directory: str) -> User:
    plugin = user.exec
    if plugin is not None and "/" in plugin.command:
        plugin = msgspec.structs.replace(plugin, command=_rooted(plugin.command, directory))
    return msgspec.structs.replace(
        user,
        client_certificate=_rooted(user.client_certificate, directory),
        client_key=_rooted(user.client_key, directory),
        token_file=_rooted(user.token_file, directory),
        exec=plugin,
    )


def _rooted(path: str, directory: str) -> str:
    # Joining keeps an absolute path as it is.
    return posixpath.join(directory, path) if path else ""
