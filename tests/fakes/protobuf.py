"""Lists of metadata as an API server writes them in protobuf; written here a second time."""

from collections.abc import Iterable, Mapping

TYPE = "application/vnd.kubernetes.protobuf"


def number(value: int) -> bytes:
    """A number, seven bits a byte."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])


def field(key: int, content: bytes | str | int) -> bytes:
    """One field of a message."""
    if isinstance(content, int):
        return number(key << 3) + number(content)
    data = content.encode() if isinstance(content, str) else content
    return number(key << 3 | 2) + number(len(data)) + data


def item(name: str, namespace: str = "x", annotations: Mapping[str, str] | None = None) -> bytes:
    """An object, with fields around it of which nobody asks."""
    entries = [field(12, field(1, k) + field(2, v)) for k, v in (annotations or {}).items()]
    labels = [field(11, field(1, "app") + field(2, "web"))]
    uid, born, manager = field(5, "u"), field(8, field(1, 1_800_000_000)), field(17, b"m" * 300)
    parts = [field(1, name), field(2, ""), field(3, namespace), uid, field(7, 0), born]
    return field(1, b"".join([*parts, *labels, *entries, manager]))


def page(version: str, following: str, items: Iterable[bytes]) -> bytes:
    """One page of a list, in its envelope."""
    about = field(1, "") + field(2, version) + field(3, following) + field(4, 12_345)
    inner = field(1, about) + b"".join(field(2, each) for each in items)
    kind = field(1, "meta.k8s.io/v1") + field(2, "PartialObjectMetadataList")
    return b"k8s\0" + field(1, kind) + field(2, inner) + field(3, "") + field(4, "")
