"""Take a rule out of running code, and put it back: no file is touched, no module loaded anew."""

import ast
import contextlib
import functools
import gc
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import irsa

ROOT = Path(irsa.__file__).parent


class UnfitError(Exception):
    """A rule's text is not in the code, or not just once."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """
    Code without one rule.

    Args:
        name: The rule.
        file: The module's file below `src/irsa`.
        start: The first line that differs.
        end: The last one.
        source: The module's text without the rule, with as many lines as before.
        whole: Its text with it.
        tests: Part of the names of tests that are asked first.
    """

    name: str
    file: str
    start: int
    end: int
    source: str
    whole: str
    tests: str = ""

    @property
    def path(self) -> Path:
        return ROOT / self.file


def without(name: str, file: str, *, old: str, new: str, tests: str = "") -> Mutant:
    """A mutant by the text that goes, which stands there once, and what comes in its place."""
    text = (ROOT / file).read_text()
    if text.count(old) != 1:
        raise UnfitError(f"{name}: {file} has {text.count(old)} times {old!r}")
    before, after = text.split(old)
    start = before.count("\n") + 1
    padding = "\n" * (old.count("\n") - new.count("\n"))
    return Mutant(
        name=name,
        file=file,
        start=start,
        end=start + old.count("\n"),
        source=before + new + padding + after,
        whole=text,
        tests=tests,
    )


def refusals(file: str) -> Iterator[Mutant]:
    """A mutant for each statement by which a module refuses something."""
    text = (ROOT / file).read_text()
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        if not _refuses(node):
            continue
        start, end = node.lineno, node.end_lineno
        words = " ".join(ast.unparse(node).split())
        changed = lines.copy()
        changed[start - 1 : end] = [
            " " * node.col_offset + "pass\n", *["\n"] * (end - start),
        ]  # fmt: skip
        yield Mutant(
            name=f"{file}:{start} {words[:60]}",
            file=file,
            start=start,
            end=end,
            source="".join(changed),
            whole=text,
        )


def _refuses(node: Any) -> bool:
    if isinstance(node, ast.Raise):
        return node.exc is not None
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom)


@contextlib.contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """Run without a rule for a while."""
    old = compile(mutant.whole, str(mutant.path), "exec")
    new = compile(mutant.source, str(mutant.path), "exec")
    changed = dict(_changed(old, new))
    with contextlib.ExitStack() as stack:
        for function in _functions()[str(mutant.path)]:
            replacement = changed.get(_key(function.__code__))
            if replacement is not None:
                stack.callback(setattr, function, "__code__", function.__code__)
                function.__code__ = replacement
        for holder, name, value in _constants(mutant):
            stack.callback(setattr, holder, name, getattr(holder, name))
            setattr(holder, name, value)
        yield


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _changed(old: CodeType, new: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    before = {_key(code): code for code in _inner(old)}
    for code in _inner(new):
        if before.get(_key(code)) != code:
            yield _key(code), code


def _inner(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner(constant)


@functools.cache
def _functions() -> dict[str, list[FunctionType]]:
    """All there are, by their file; asked for once everything has been imported."""
    found: dict[str, list[FunctionType]] = defaultdict(list)
    for one in gc.get_objects():
        if type(one) is FunctionType:
            found[one.__code__.co_filename].append(one)
    return found


def _constants(mutant: Mutant) -> Iterator[tuple[Any, str, Any]]:
    """Values of the module that differ, wherever they were imported to."""
    module = next(
        one
        for one in list(sys.modules.values())
        if getattr(one, "__file__", "") == str(mutant.path)
    )
    for node in ast.parse(mutant.source).body:
        inside = node.lineno <= mutant.end and (node.end_lineno or 0) >= mutant.start
        if not (inside and isinstance(node, ast.Assign | ast.AnnAssign) and node.value):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        name = ast.unparse(target)
        code = compile(ast.Expression(node.value), "rule", "eval")
        value, before = eval(code, vars(module)), getattr(module, name)
        for holder in list(sys.modules.values()):
            if getattr(holder, "__name__", "").startswith("irsa") and (
                vars(holder).get(name, Mutant) is before
            ):
                yield holder, name, value
