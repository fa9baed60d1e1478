"""
One page of a list of metadata in Kubernetes' protobuf, read while it comes.

It costs the API server half of what JSON does, and no more of it is held than a piece.
Source: https://protobuf.dev/programming-guides/encoding/, and the messages Unknown
(k8s.io/apimachinery/pkg/runtime/generated.proto), PartialObjectMetadataList and ObjectMeta
(k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto).
Never here: requests, what annotations mean.
"""

from collections.abc import Iterator

from msgspec import Struct

ACCEPT = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_MAGIC = b"k8s\0"
# No object of Kubernetes is as large.
MAX_FIELD = 16 << 20
# How fields are written: as a number, or with their length before them. No others come here.
_NUMBER, _SIZED = 0, 2
# So many bytes take the number of a field and its length at most.
_HEAD = 20
# The numbers of the fields that are read; everything else is passed over.
_RAW = 2
_LIST_METADATA, _ITEM = 1, 2
_VERSION, _CONTINUE = 2, 3
_METADATA = 1
_NAME, _NAMESPACE, _ANNOTATION = 1, 3, 12
_KEY, _VALUE = 1, 2

# The number of a field, where its content begins, and where it ends.
Field = tuple[int, int, int]


class Item(Struct, frozen=True, gc=False):
    """What is read of an object; annotations only where one of them may be wanted."""

    name: str
    namespace: str
    annotations: dict[str, str] | None = None


class PageReader:
    """
    Takes a page in pieces of any length.

    Args:
        prefix: What wanted annotations begin with: objects that do not mention it come without.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()
        self._rest = b""
        # Bytes of the list that are not read yet; None before it begins.
        self._left: int | None = None
        self.resource_version = ""
        self.following = ""

    def feed(self, piece: bytes) -> Iterator[Item]:
        """
        The objects that are complete with this piece.

        Raises:
            ValueError: It is not such a page.
        """
        data, at = self._rest + piece, 0
        if self._left is None:
            at, self._left = _begin(data)
        left, size = self._left or 0, len(data)
        while left > 0:
            number, begin, end = _field(data, at) if at + _HEAD <= size else _short(data, at)
            if end > size:
                break
            left -= end - at
            at = end
            if number == _ITEM:
                yield _item(data, begin, end, prefix=self._prefix)
            elif number == _LIST_METADATA:
                self._note(data, begin, end)
        if left < 0 or size - at > MAX_FIELD:
            raise ValueError("an object is longer than its list, or than any object")
        if self._left is not None:
            self._left = left
        self._rest = data[at:]

    def end(self) -> None:
        """
        See that the page is whole.

        Raises:
            ValueError: It has ended before.
        """
        if self._left != 0:
            raise ValueError("a page without its end")

    def _note(self, data: bytes, at: int, end: int) -> None:
        for number, begin, stop in _fields(data, at, end):
            if number == _VERSION:
                self.resource_version = data[begin:stop].decode()
            elif number == _CONTINUE:
                self.following = data[begin:stop].decode()


def _begin(data: bytes) -> tuple[int, int | None]:
    """Where the list begins in its envelope, and how long it is; (0, None) if that is not here."""
    if not data.startswith(_MAGIC[: len(data)]):
        raise ValueError("not Kubernetes' protobuf")
    at = len(_MAGIC)
    try:
        while True:
            number, begin, end = _field(data, at)
            if number == _RAW:
                return begin, end - begin
            at = end
    except IndexError:
        return 0, None


def _item(data: bytes, at: int, end: int, *, prefix: bytes) -> Item:
    number, begin, stop = _field(data, at)
    if number != _METADATA or stop != end:
        raise ValueError("an object of more than metadata")
    if data.find(prefix, begin, stop) < 0:
        return _named(data, begin, stop)
    return _annotated(data, begin, stop)


def _named(data: bytes, at: int, end: int) -> Item:
    name = ""
    for number, begin, stop in _fields(data, at, end):
        if number == _NAME:
            name = data[begin:stop].decode()
        elif number == _NAMESPACE:
            # Encoders write fields in the order of their numbers: nothing wanted comes after.
            return Item(name, data[begin:stop].decode())
    return Item(name, "")


def _annotated(data: bytes, at: int, end: int) -> Item:
    name = namespace = ""
    annotations: dict[str, str] = {}
    for number, begin, stop in _fields(data, at, end):
        if number == _NAME:
            name = data[begin:stop].decode()
        elif number == _NAMESPACE:
            namespace = data[begin:stop].decode()
        elif number == _ANNOTATION:
            key, value = _entry(data, begin, stop)
            annotations[key] = value
    return Item(name, namespace, annotations)


def _entry(data: bytes, at: int, end: int) -> tuple[str, str]:
    key = value = ""
    for number, begin, stop in _fields(data, at, end):
        if number == _KEY:
            key = data[begin:stop].decode()
        elif number == _VALUE:
            value = data[begin:stop].decode()
    return key, value


def _short(data: bytes, at: int) -> Field:
    """The field that begins here, where not even its length may be here."""
    try:
        return _field(data, at)
    except IndexError:
        return 0, at, len(data) + 1


def _fields(data: bytes, at: int, end: int) -> Iterator[Field]:
    """Each field of a message."""
    while at < end:
        # As `_field` does, only without calls: here a list spends its time.
        key, size, at = data[at], data[at + 1], at + 2
        if key >= 0x80 or size >= 0x80 or key & 7 != _SIZED:
            number, begin, at = _field(data, at - 2)
            yield number, begin, at
        else:
            begin, at = at, at + size
            yield key >> 3, begin, at
    if at != end:
        raise ValueError("a field is longer than its message")


def _field(data: bytes, at: int) -> Field:
    """The field that begins here; IndexError if not even its length is here."""
    key, at = _number(data, at)
    size, begin = _number(data, at)
    if key & 7 == _SIZED:
        return key >> 3, begin, begin + size
    if key & 7 == _NUMBER:
        return key >> 3, at, begin
    raise ValueError("a field of a kind that Kubernetes does not write")


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins here, seven bits a byte, and where it ends."""
    number = shift = 0
    while (byte := data[at]) >= 0x80:
        number |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
    return number | byte << shift, at + 1
