"""Private keys and tokens, found in whatever text: plainly, in JSON, or in base64."""

import base64
import binascii
import contextlib
import re
from collections.abc import Iterable, Iterator

_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")
# Header and claims begin with `{"`; a signature follows. `alg: none` has an empty one.
_TOKEN = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*")
# What `-----BEGIN` looks like in base64; such text is looked into.
_ENCODED = re.compile(r"LS0tLS1CRUdJTi[\w+/-]*={0,2}")


def leaks(text: str, *, secrets: Iterable[str] = ()) -> list[str]:
    """
    What should not be in a text: the beginning of each key and token, and the secrets given.

    Nothing of what is found is told, but where it is and what it looks like.
    """
    found = [f"a private key at {one.start()}" for one in _PRIVATE_KEY.finditer(text)]
    found += [f"a token at {one.start()}" for one in _TOKEN.finditer(text)]
    found += [f"a private key in base64 at {at}" for at, plain in _decoded(text) if leaks(plain)]
    return found + ["a secret that was given" for secret in secrets if secret in text]


def _decoded(text: str) -> Iterator[tuple[int, str]]:
    for one in _ENCODED.finditer(text):
        encoded = one.group().rstrip("=").replace("-", "+").replace("_", "/")
        whole = encoded[: len(encoded) // 4 * 4]
        with contextlib.suppress(binascii.Error):
            yield one.start(), base64.b64decode(whole).decode("latin-1")
