"""
A configuration as the text of a file, for people to go on with: the inverse of `parse`.

What matters is written out even where it is the default, each with a word on what it means.
Never here: where the values come from; writing files.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct

from irsa.config.model import Config
from irsa.config.roles import ServiceAccountName

WIDTH = 100

_PLAIN = re.compile(r"[A-Za-z/]([A-Za-z0-9._/@:+*-]*[A-Za-z0-9._/@+*-])?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What some reader of YAML, of any version, takes for something else than text.
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})

_WRITTEN_OUT = (
    "issuer.audiences",
    "injection",
    "injection.engine",
    "injection.allowedAccounts",
)
_WRITTEN_OUT_FOR_S3 = ("issuer.keysFrom",)
_WRITTEN_OUT_FOR_WEBHOOK = (
    "injection.webhook",
    "injection.webhook.replicas",
    "injection.webhook.hostNetwork",
    "injection.webhook.port",
    "injection.webhook.failurePolicy",
)
_COMMENTS = {
    "cluster.name": "begins the names of the roles",
    "cluster.uid": "of kube-system; another cluster is refused",
    "cluster.context": "in the kubeconfig",
    "aws.account": "credentials of another account are refused",
    "issuer.bucket": "part of the issuer's URL, for ever",
    "issuer.url": "the present one: nothing is published",
    "issuer.provider": "audiences are added to it, and it is never removed",
    "issuer.keysFrom": "those that are seen signing; they are kept",
    "injection.allowedAccounts": "roles of other accounts are not given to pods",
    "injection.webhook.hostNetwork": "for API servers that cannot reach pods",
    "injection.webhook.failurePolicy": "a pod starts without its role if the webhook is down",
}
_NO_ROLES = """\
roles: # take the marks away, and put your own names in:
# - serviceAccounts: [shop/web]
#   policies: [arn:{partition}:iam::aws:policy/AmazonS3ReadOnlyAccess]
"""


def render(config: Config, *, remarks: Sequence[str] = (), partition: str = "aws") -> str:
    """
    The text of a file that `parse` reads as this very configuration.

    Args:
        config: The configuration.
        remarks: Lines of comment for the top.
        partition: That of the example where there are no roles yet.
    """
    top = "".join(f"# {_one_line(remark)}\n" for remark in remarks)
    head = f"{top}apiVersion: {config.api_version}\n"
    explicit: tuple[str, ...] = _WRITTEN_OUT
    if config.issuer.publish == "s3":
        explicit += _WRITTEN_OUT_FOR_S3
    if config.injection.engine == "webhook":
        explicit += _WRITTEN_OUT_FOR_WEBHOOK
    body = "".join(f"{line}\n" for line in _entries(config, "", explicit))
    return head + body + ("" if config.roles else _NO_ROLES.format(partition=partition))


def _entries(value: Struct, path: str, explicit: tuple[str, ...]) -> Iterator[str]:
    for field in msgspec.structs.fields(value):
        here = f"{path}.{field.encode_name}" if path else field.encode_name
        content = getattr(value, field.name)
        if here == "apiVersion" or (here not in explicit and _is_default(field, content)):
            continue
        if isinstance(content, Struct):
            yield f"{field.encode_name}:"
            yield from _indented(_entries(content, here, explicit))
        else:
            first, *rest = _value(field.encode_name, content)
            yield f"{first} # {comment}" if (comment := _comment(here, content)) else first
            yield from rest


def _comment(path: str, content: Any) -> str | None:
    if path == "injection.webhook.failurePolicy" and content != "Ignore":
        return None
    if path == "issuer.keysFrom" and content != "cluster":
        return None
    return _COMMENTS.get(path)


def _is_default(field: msgspec.structs.FieldInfo, content: Any) -> bool:
    if field.default is not NODEFAULT:
        return bool(content == field.default)
    if field.default_factory is NODEFAULT:
        return False
    return bool(content == field.default_factory())


def _value(key: str, content: Any) -> Iterator[str]:
    """The lines of one key, whatever its value is."""
    name = _scalar(key)
    match content:
        case dict() if content:
            yield f"{name}:"
            for inner, value in content.items():
                yield from _indented(_value(inner, value))
        case list() | tuple() if content and not _fits(content, f"{name}: "):
            yield f"{name}:"
            for item in content:
                yield from _item(item)
        case _:
            yield f"{name}: {_flow(content)}"


def _item(item: Any) -> Iterator[str]:
    """One item of a list, after a dash."""
    if isinstance(item, Struct):
        lines = list(_entries(item, "", ()))
    elif isinstance(item, dict) and item:
        lines = [line for key, value in item.items() for line in _value(key, value)]
    else:
        lines = [_flow(item)]
    return (f"- {line}" if at == 0 else f"  {line}" for at, line in enumerate(lines))


def _fits(items: Sequence[Any], before: str) -> bool:
    """Whether a list is short, and flat, so that one line can hold it."""
    if any(isinstance(item, dict | list | tuple | Struct) for item in items):
        return False
    return len(before) + len(_flow(items)) + 8 <= WIDTH


def _flow(value: Any) -> str:
    """A value on one line."""
    match value:
        case str() | ServiceAccountName():
            return _scalar(str(value))
        case list() | tuple():
            return f"[{', '.join(map(_flow, value))}]"
        case dict():
            return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
        case _:
            return json.dumps(value)


def _scalar(text: str) -> str:
    """Text without quotes where every reader of YAML takes it for text, else with."""
    if _UUID.fullmatch(text):
        return text
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
