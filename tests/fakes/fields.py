"""Fields of objects: who owns them under server-side apply, and the three kinds of patches."""

import json

from irsa.kube.objects import Object

Path = tuple[str, ...]
Managers = dict[str, frozenset[Path]]

_IDENTITY = frozenset([("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")])
_SERVERS = frozenset(
    ("metadata", name) for name in ("uid", "resourceVersion", "creationTimestamp", "managedFields")
)


def leaves(obj: Object) -> frozenset[Path]:
    """The path of every value that somebody owns."""
    return frozenset(_paths(obj, ())) - _IDENTITY - _SERVERS


def apply(
    current: Object, wanted: Object, *, managers: Managers, manager: str, force: bool
) -> tuple[Object, Managers] | str:
    """
    Server-side apply: the object and its managers afterwards, or the conflict in words.

    Lists whose items all have a name are merged by it, as Kubernetes' most common lists are.
    """
    owned = leaves(wanted)
    conflicts = {
        path: other
        for other, theirs in managers.items()
        if other != manager
        for path in owned & theirs
        if _value(current, path) != _value(wanted, path)
    }
    if conflicts and not force:
        return ", ".join(f".{'.'.join(p)} belongs to {m}" for p, m in sorted(conflicts.items()))
    after = {m: theirs - conflicts.keys() for m, theirs in managers.items()} | {manager: owned}
    dropped = managers.get(manager, frozenset()) - owned
    result = json.loads(json.dumps(current))
    for path in dropped - frozenset().union(*after.values()):
        _remove(result, path)
    return merge_by_name(result, wanted), after


def at(obj: Object, path: str):
    """The value at a dotted path, as text; None if there is none."""
    value = _value(obj, tuple(path.split(".")))
    return None if value is None else str(value)


def merge(target, patch):
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def merge_by_name(target, patch):
    """As `merge`, but lists of named things are merged by their names."""
    if _is_named(patch) and (_is_named(target) or not target):
        items = {item["name"]: item for item in target or ()}
        for item in patch:
            items[item["name"]] = merge_by_name(items.get(item["name"]), item)
        return list(items.values())
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_by_name(result.get(key), value)
    return result


def json_patch(target, operations):
    """A JSON patch (RFC 6902): add, remove, replace and test."""
    for operation in operations:
        *way, last = [
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
        ]
        place = target
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        _operate(place, last, operation)
    return target


def _operate(place, last: str, operation) -> None:
    op, value = operation["op"], operation.get("value")
    if isinstance(place, list):
        index = len(place) if last == "-" else int(last)
        if op == "add":
            place.insert(index, value)
            return
        last = index
    if op == "remove":
        del place[last]
    elif op == "test":
        assert place[last] == value, operation
    else:
        place[last] = value


PATCHES = {"merge": merge, "json": json_patch, "strategic": merge_by_name}


def _is_named(value) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "name" in item for item in value)
    )


def _paths(value, way: Path):
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _paths(item, (*way, key))
    elif _is_named(value):
        for item in value:
            yield from _paths(item, (*way, f"[{item['name']}]"))
    else:
        yield way


def _step(value, key: str):
    if isinstance(value, dict):
        return value.get(key)
    if _is_named(value):
        return next((item for item in value if f"[{item['name']}]" == key), None)
    return None


def _value(obj: Object, path: Path):
    for key in path:
        obj = _step(obj, key)
    return obj


def _remove(obj: Object, path: Path) -> None:
    """Take a value away, and what becomes empty by that."""
    *way, last = path
    parent = _value(obj, tuple(way))
    if isinstance(parent, dict):
        parent.pop(last, None)
    if way and parent in ({}, {"name": way[-1].strip("[]")}):
        grand = _value(obj, tuple(way[:-1]))
        if isinstance(grand, list):
            grand.remove(parent)
        elif way != ["metadata"]:
            _remove(obj, tuple(way))
