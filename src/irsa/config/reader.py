"""
Text into a `Config`: compose, decode, check, and only then build.

Never here: reading files.
"""

from typing import Any

import msgspec
from msgspec import inspect

from irsa.config import semantics
from irsa.config.decoder import Decoder
from irsa.config.document import Scalar, compose
from irsa.config.model import Config
from irsa.config.problems import Problems


def parse(text: str, *, source: str) -> Config:
    """
    The configuration in a YAML text.

    Args:
        text: The content of the file.
        source: The name of the file, for messages.

    Raises:
        ConfigError: The message lists everything that is wrong, each with line, path and value.
    """
    problems = Problems(source=source)
    data = _data(text, problems)
    problems.raise_any()
    return msgspec.convert(data, Config, from_attributes=True)


def _data(text: str, problems: Problems) -> Any:
    tree = compose(text, problems)
    if tree is None or (isinstance(tree, Scalar) and tree.is_null):
        if not problems.found:
            problems.add(1, "", "is empty; it begins with apiVersion: irsa/v1")
        return None
    decoder = Decoder(problems)
    data = decoder.decode(inspect.type_info(Config), tree, "")
    if isinstance(data, dict):
        semantics.check(data, decoder.lines, problems)
    return data
