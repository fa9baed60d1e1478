"""
The limits that AWS's models put on parameters: required, length, range, pattern, values.

Never here: limits that the models do not carry; those are with their operation.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import Shape

from irsa.local.aws.errors import ApiError


def check(shape: Shape, params: Mapping[str, Any]) -> None:
    """
    Hold parameters against the model's limits.

    Raises:
        ApiError: ValidationError, with every limit that is not met.
    """
    problems = list(_structure(shape, params, ""))
    if problems:
        plural = "s" if len(problems) > 1 else ""
        text = f"{len(problems)} validation error{plural} detected: {'; '.join(problems)}"
        raise ApiError("ValidationError", text)


def _structure(shape: Shape, params: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if params.get(name) is None:
            yield _failed("null", f"{path}{_lower(name)}", "Member must not be null")
    for name, value in params.items():
        yield from _value(shape.members[name], value, f"{path}{_lower(name)}")


def _value(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        yield from _structure(shape, value, f"{path}.")
    elif shape.type_name == "list":
        yield from _size(shape, len(value), value, path)
        for number, item in enumerate(value, start=1):
            yield from _value(shape.member, item, f"{path}.{number}.member")
    elif shape.type_name in ("integer", "long"):
        yield from _range(shape, value, path)
    elif shape.type_name == "string":
        yield from _size(shape, len(value), value, path)
        yield from _form(shape, value, path)


def _size(shape: Shape, size: int, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        text = f"Member must have length greater than or equal to {least}"
        yield _failed(_shown(shape, value), path, text)
    if most is not None and size > most:
        text = f"Member must have length less than or equal to {most}"
        yield _failed(_shown(shape, value), path, text)


def _range(shape: Shape, value: int, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        text = f"Member must have value greater than or equal to {least}"
        yield _failed(str(value), path, text)
    if most is not None and value > most:
        yield _failed(str(value), path, f"Member must have value less than or equal to {most}")


def _form(shape: Shape, value: str, path: str) -> Iterator[str]:
    pattern, values = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern and not _matches(pattern, value):
        text = f"Member must satisfy regular expression pattern: {pattern}"
        yield _failed(_shown(shape, value), path, text)
    if values and value not in values:
        yield _failed(value, path, f"Member must satisfy enum value set: {values}")


def _matches(pattern: str, value: str) -> bool:
    java = pattern.replace(r"\p{L}", r"^\W\d_").replace(r"\p{Z}", r"\s").replace(r"\p{N}", r"\d")
    if java != pattern:
        # Classes of letters that Python's expressions lack: only tags use them.
        return re.fullmatch(r"[\w\s_.:/=+\-@]*", value) is not None
    return re.fullmatch(pattern, value, re.ASCII) is not None


def _shown(shape: Shape, value: Any) -> str:
    return "***" if shape.metadata.get("sensitive") else str(value)[:256]


def _failed(value: str, path: str, limit: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {limit}"


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
