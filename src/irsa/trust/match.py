"""
IAM's patterns: `*`, `?` and `${variables}`.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
Never here: what is compared with what.
"""

import re
from collections.abc import Mapping, Sequence

_VARIABLE = re.compile(r"\$\{(?P<name>[^}]*)\}")
_DEFAULT = re.compile(r"(?P<name>[^,]+?)\s*,\s*'(?P<default>[^']*)'")
_ESCAPES = {"*", "?", "$"}

# A pattern is a sequence of characters and of these two.
_ANY = "any run of characters"
_ONE = "one character"


def matches(
    pattern: str,
    value: str,
    *,
    variables: Mapping[str, str] | None = None,
    ignore_case: bool = False,
) -> bool:
    """
    Whether a value fits a pattern as a whole.

    Args:
        pattern: Text in which `*` stands for any run of characters and `?` for any one.
        value: What must fit.
        variables: What `${name}` stands for, by name in lower case; what is put in matches only
            itself. A name that is not there fits nothing. If None, `${` is plain text.
        ignore_case: Whether upper and lower case are the same.
    """
    tokens = _tokens(pattern, variables)
    if tokens is None:
        return False
    if ignore_case:
        tokens = [token if token in (_ANY, _ONE) else token.lower() for token in tokens]
        return _fits(tokens, [character.lower() for character in value])
    return _fits(tokens, value)


def substitute(text: str, variables: Mapping[str, str] | None) -> str | None:
    """
    A text with its variables put in; `*` and `?` are plain text.

    Returns:
        None if there is no value for one of them.
    """
    if variables is None:
        return text
    parts = _parts(text, variables)
    return None if parts is None else "".join(part for part, _ in parts)


def _tokens(pattern: str, variables: Mapping[str, str] | None) -> list[str] | None:
    parts = [(pattern, True)] if variables is None else _parts(pattern, variables)
    if parts is None:
        return None
    wild = {"*": _ANY, "?": _ONE}
    return [
        wild.get(character, character) if active else character
        for part, active in parts
        for character in part
    ]


def _parts(text: str, variables: Mapping[str, str]) -> list[tuple[str, bool]] | None:
    """The pieces of a text, and whether wildcards in them are active."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        value = _value(found["name"].strip(), variables)
        if value is None:
            return None
        parts += [(text[end : found.start()], True), (value, False)]
        end = found.end()
    return [*parts, (text[end:], True)]


def _value(name: str, variables: Mapping[str, str]) -> str | None:
    if name in _ESCAPES:
        return name
    default = _DEFAULT.fullmatch(name)
    if default is None:
        return variables.get(name.lower())
    return variables.get(default["name"].lower(), default["default"])


def _fits(tokens: Sequence[str], value: Sequence[str]) -> bool:
    """
    Match without recursion: on a mismatch only the last `*` takes one character more.

    So the time is bounded by the product of the lengths, whatever pattern a stranger wrote.
    """
    at = token = 0
    star = resume = -1
    while at < len(value):
        if token < len(tokens) and tokens[token] in (_ONE, value[at]):
            at, token = at + 1, token + 1
        elif token < len(tokens) and tokens[token] == _ANY:
            star, resume, token = token, at, token + 1
        elif star >= 0:
            resume += 1
            at, token = resume, star + 1
        else:
            return False
    return all(rest == _ANY for rest in tokens[token:])
