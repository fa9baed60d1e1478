"""
Changes to a review that keep it JSON, so that a fuzzer gets past the decoder to the patcher.

Never here: what must hold.
"""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

# What the patcher looks for, and what lies close by.
NAMES = (
    *("aws-iam-token", "aws-iam-token-1", "app", "init", "plain", "unknown", "web", "default"),
    *("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "AWS_DEFAULT_REGION"),
    *("AWS_STS_REGIONAL_ENDPOINTS", "AWS_ROLE_SESSION_NAME", "token", "sts.amazonaws.com", ""),
    *("/var/run/secrets/eks.amazonaws.com/serviceaccount", "/run/token", "/run/token/", "/", "//"),
    *("windows", "linux", "In", "CREATE", "UPDATE", "pods", "600", "86401", "-1", "app,init"),
    *("\ud83d\ude00", "\u0000", "~1", "~0", "\\", '"', "a/b", "é", "x" * 300),
)
KEYS = (
    *("name", "env", "value", "volumeMounts", "mountPath", "subPath", "subPathExpr", "volumes"),
    *("volumeDevices", "devicePath", "projected", "sources", "serviceAccountToken", "audience"),
    *("path", "containers", "initContainers", "ephemeralContainers", "serviceAccountName", "os"),
    *("annotations", "nodeSelector", "affinity", "metadata", "spec", "object", "generateName"),
    *("eks.amazonaws.com/skip-containers", "eks.amazonaws.com/token-expiration"),
    *("kubernetes.io/config.mirror", "kubernetes.io/os", "operation", "subResource", "namespace"),
    *("nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"),
    *("matchExpressions", "values", "operator", "key", "uid", "future", ""),
)
VARIABLES = ("A", *(name for name in NAMES if name.startswith("AWS_")))
VOLUMES = ("aws-iam-token", "aws-iam-token-1", "aws-iam-token-2", "data")
PATHS = tuple(name for name in NAMES if name.startswith("/"))


def _mount(chance: random.Random) -> dict:
    mount = {"name": chance.choice(VOLUMES), "mountPath": chance.choice(PATHS)}
    return mount | chance.choice(({}, {}, {"subPath": "token"}, {"subPathExpr": "$(A)"}))


def _source(chance: random.Random) -> dict:
    audience = chance.choice(("sts.amazonaws.com", "vault"))
    token = {"audience": audience, "path": chance.choice(("token", "other"))}
    return chance.choice(({"serviceAccountToken": token}, {"configMap": {"name": "x"}}))


def _volume(chance: random.Random) -> dict:
    projected = {"projected": {"sources": [_source(chance)]}}
    return {"name": chance.choice(VOLUMES)} | chance.choice(({}, {"emptyDir": {}}, projected))


SHAPES: dict[str, Callable[[random.Random], dict]] = {
    "env": lambda chance: {"name": chance.choice(VARIABLES), "value": "x"},
    "volumeMounts": _mount,
    "volumeDevices": lambda chance: {"name": "d", "devicePath": chance.choice(PATHS)},
    "volumes": _volume,
    "sources": _source,
    "containers": lambda chance: {"name": chance.choice(("app", "init", "log"))},
    "initContainers": lambda chance: {"name": chance.choice(("app", "init", "log"))},
}
VALUES = (None, True, False, 0, -1, 1 << 64, 0.1, 1e400, [], {}, [None], [[]], [{}], {"": {}})


def mutated(data: bytes, seed: int, *, limit: int) -> bytes:
    """The document with a few changes; what is no JSON comes back as it is."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    chance = random.Random(seed)
    for _ in range(1 + chance.getrandbits(2)):
        document = _changed(document, chance)
    written = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode(errors="replace")
    return written if len(written) <= limit else data


def _changed(document: Any, chance: random.Random) -> Any:
    places = [(parent, key) for parent, key in _places(document) if parent is not None]
    if not places:
        return {"request": document}
    parent, key = chance.choice(places)
    chance.choice(CHANGES)(parent, key, chance)
    if chance.random() < 0.2:
        other, where = chance.choice(places)
        if _in(other, where) and _in(parent, key):
            parent[key] = copy.deepcopy(other[where])
    return document


def _remove(parent: Any, key: Any, _: random.Random) -> None:
    del parent[key]


def _replace(parent: Any, key: Any, chance: random.Random) -> None:
    parent[key] = _value(chance)


def _rename(parent: Any, key: Any, chance: random.Random) -> None:
    parent[key] = chance.choice(NAMES)


def _repeat(parent: Any, key: Any, chance: random.Random) -> None:
    if isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    else:
        parent[chance.choice(KEYS)] = copy.deepcopy(parent[key])


def _equip(parent: Any, key: Any, chance: random.Random) -> None:
    """One more of what the patcher looks for, as it would be in a pod."""
    place = parent[key]
    if isinstance(place, list) and key in SHAPES:
        place.append(SHAPES[key](chance))
    elif isinstance(place, dict) or (isinstance(place, list) and place):
        inner = place if isinstance(place, dict) else place[-1]
        if isinstance(inner, dict):
            name = chance.choice(list(SHAPES))
            kept = inner.get(name)
            inner[name] = [*(kept if isinstance(kept, list) else ()), SHAPES[name](chance)]


def _enrich(parent: Any, key: Any, chance: random.Random) -> None:
    if isinstance(parent[key], dict):
        parent[key][chance.choice(KEYS)] = _value(chance)
    elif isinstance(parent[key], list):
        parent[key].append(_value(chance))


def _wrap(parent: Any, key: Any, chance: random.Random) -> None:
    parent[key] = [parent[key]] if chance.random() < 0.5 else {chance.choice(KEYS): parent[key]}


CHANGES = (_remove, _replace, _rename, _repeat, _enrich, _wrap, *(_equip,) * 4)


def _in(parent: Any, key: Any) -> bool:
    return key in parent if isinstance(parent, dict) else key < len(parent)


def _value(chance: random.Random) -> Any:
    return copy.deepcopy(chance.choice((*VALUES, chance.choice(NAMES), chance.choice(NAMES))))


def _places(value: Any, parent: Any = None, key: Any = None, depth: int = 0) -> Iterator[Any]:
    yield parent, key
    if depth > 40:
        return
    if isinstance(value, (dict, list)):
        children = value.items() if isinstance(value, dict) else enumerate(value)
        for name, child in list(children):
            yield from _places(child, value, name, depth + 1)
