"""
Options of a command gathered into one value: the fields of a dataclass.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Size:
        width: Annotated[int, typer.Option("--width", help="How wide.")] = 80

    @app.command()
    @gathered
    def show(size: Size) -> None: ...
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any


def gathered(function: Callable[..., None]) -> Callable[..., None]:
    """The function with the fields of its first parameter's dataclass in that parameter's place."""
    signature = inspect.signature(function)
    first, *others = signature.parameters.values()
    names = [field.name for field in fields(first.annotation)]

    @functools.wraps(function)
    def command(**given: Any) -> None:
        value = first.annotation(**{name: given.pop(name) for name in names})
        function(value, **given)

    own = [*map(_parameter, fields(first.annotation)), *others]
    command.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined] # read by inspect
    return command


def _parameter(field: Field[Any]) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(field.name, keyword, default=_default(field), annotation=field.type)


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default
