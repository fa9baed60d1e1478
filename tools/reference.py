"""
The pages under docs/reference, written from the code that they describe.

`python tools/reference.py` writes them; with `--check` they are compared, and nothing is written.
"""

import difflib
import enum
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from msgspec import NODEFAULT
from msgspec import inspect as shapes

from irsa import errors
from irsa.cli import app, plan
from irsa.config import Config
from irsa.config.rules import ENGINE_LATER, PUBLISH_LATER
from irsa.injection import grants, patch

ROOT = Path(__file__).parents[1]
DIRECTORY = ROOT / "docs" / "reference"
EXAMPLES = ROOT / "tests" / "golden" / "config"
COMMAND = "python tools/reference.py"
NOTICE = f"<!-- Written by `{COMMAND}` from the code; do not edit. -->"

# What each annotation means; its name comes from the code, and none may be left out here.
ANNOTATIONS = {
    "ROLE_ARN": (
        "ServiceAccount",
        "The ARN of the role. `irsa apply` writes it for the roles in the configuration.",
    ),
    "AUDIENCE": ("ServiceAccount", f"The token's audience; `{grants.DEFAULT_AUDIENCE}` if empty."),
    "REGIONAL_STS": (
        "ServiceAccount",
        f"Whether `{patch.REGIONAL_STS}=regional` is set: `true` (the default) or `false`.",
    ),
    "TOKEN_EXPIRATION": (
        "ServiceAccount, pod",
        f"The token's life in seconds, {grants.MIN_EXPIRATION} to {grants.MAX_EXPIRATION}; the "
        "pod's own goes before its ServiceAccount's.",
    ),
    "SKIP_CONTAINERS": ("pod", "The containers that get nothing, joined with commas."),
}


def main(arguments: list[str]) -> int:
    """Write the pages, or say how they differ."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"usage: {COMMAND} [--check]\n")
        return app.USAGE
    wanted = pages()
    if arguments:
        return check(wanted, DIRECTORY)
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        (DIRECTORY / name).write_text(text)
    return 0


def check(wanted: dict[str, str], directory: Path) -> int:
    """Whether the pages in a directory are the wanted ones; the differences go to stderr."""
    found = "".join(_difference(directory / name, text) for name, text in wanted.items())
    if not found:
        return 0
    sys.stderr.write(f"{found}\nthe reference pages and the code differ; mend it with: {COMMAND}\n")
    return 1


def _difference(path: Path, wanted: str) -> str:
    written = path.read_text() if path.exists() else ""
    lines = difflib.unified_diff(
        written.splitlines(keepends=True),
        wanted.splitlines(keepends=True),
        str(path),
        "from the code",
    )
    return "".join(lines)


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "cli.md": _page("Command line", command_line()),
        "configuration.md": _page("Configuration", configuration()),
        "exit-codes.md": _page("Exit codes", exit_codes()),
        "annotations.md": _page("Annotations", annotations()),
    }


def _page(title: str, lines: Iterator[str]) -> str:
    return "\n".join([f"# {title}", "", NOTICE, "", *lines]).rstrip("\n") + "\n"


def sentences(text: str) -> list[str]:
    """A paragraph as one line a sentence."""
    joined = " ".join(text.split())
    return re.split(r"(?<=[.?!]) (?=[A-Z`])", joined) if joined else []


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        cells = (cell.replace("|", r"\|").replace("\n", " ") for cell in row)
        yield f"| {' | '.join(cells)} |"
    yield ""


# The command line


def command_line() -> Iterator[str]:
    """Every command with its help, options and example."""
    root: Any = typer.main.get_command(app.app)
    yield from sentences(root.help or "")
    yield "Results go to stdout, everything else to stderr."
    yield "How a command ends is in its [exit code](exit-codes.md)."
    yield ""
    yield "Options that go before every command:"
    yield ""
    own = [option for option in root.params if not option.name.endswith("_completion")]
    yield from _table(("option", "meaning", "default"), [_option(option) for option in own])
    for path, command in _commands(root, "irsa"):
        yield from _command(path, command)


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


def _command(path: str, command: Any) -> Iterator[str]:
    yield f"## `{path}`"
    yield ""
    text = f"{inspect.cleandoc(command.help or '')}\n\n{command.epilog or ''}"
    for paragraph in text.strip().split("\n\n"):
        example = re.fullmatch(r"Example: `?(.+?)`?", " ".join(paragraph.split()))
        yield from ("```console", f"$ {example[1]}", "```") if example else sentences(paragraph)
        yield ""
    rows = [_option(option) for option in command.params if not getattr(option, "hidden", False)]
    yield from _table(("option", "meaning", "default"), rows) if rows else ()


def _option(option: Any) -> tuple[str, str, str]:
    if option.param_type_name == "argument":
        names = f"`{option.metavar or option.name.upper()}`"
    else:
        shown = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
        names = shown if option.is_flag else f"{shown} `{_value(option)}`"
    meaning = option.help or ""
    if option.envvar:
        meaning += f" Environment: `{option.envvar}`."
    return names, meaning, "required" if option.required else _default(option.default)


def _value(option: Any) -> str:
    if isinstance(option.default, enum.Enum):
        return "|".join(member.value for member in type(option.default))
    return str(option.metavar or option.name.upper())


def _default(value: object) -> str:
    if value is None or value is False or value in ("", [], ()):
        return ""
    return f"`{value.value if isinstance(value, enum.Enum) else value}`"


# The configuration


def configuration() -> Iterator[str]:
    """Every key with its type, default and meaning, between two examples that the tests read."""
    yield "One YAML file, `irsa.yaml` unless `--config` names another, describes one cluster."
    yield "The least that makes sense:"
    yield ""
    yield from _example("minimal.yaml")
    yield "Text may stand without quotes: an account number stays text, with its zeros."
    yield "Unknown keys, keys that stand twice and whatever else is wrong are all said at once."
    yield "`irsa schema` prints the same as JSON Schema, for editors."
    yield ""
    yield from _section(shapes.type_info(Config), "")
    yield "## Not built yet"
    yield ""
    for key, later in (("issuer.publish", PUBLISH_LATER), ("injection.engine", ENGINE_LATER)):
        yield from (f"- `{key}: {value}` {reason}." for value, reason in later.items())
    yield ""
    yield "## Every key once"
    yield ""
    yield from _example("full.yaml")


def _example(name: str) -> Iterator[str]:
    yield from ("```yaml", *(EXAMPLES / name).read_text().splitlines(), "```", "")


def _section(section: Any, path: str) -> Iterator[str]:
    yield f"## `{path}`" if path else "## The file"
    yield ""
    yield from sentences(section.cls.__doc__ or "")
    yield ""
    yield from _table(
        ("key", "type", "default", "meaning"), [_field(field) for field in section.fields]
    )
    for field in section.fields:
        kind = _bare(field.type)
        inner = f"{path}.{field.encode_name}" if path else field.encode_name
        if isinstance(kind, shapes.StructType):
            yield from _section(kind, inner)
        elif isinstance(kind, shapes.VarTupleType) and isinstance(
            _bare(kind.item_type), shapes.StructType
        ):
            yield from _section(_bare(kind.item_type), f"{inner}[]")


def _field(field: Any) -> tuple[str, ...]:
    notes = field.type if isinstance(field.type, shapes.Metadata) else None
    meaning = (notes.extra_json_schema or {}).get("description", "") if notes else ""
    return f"`{field.encode_name}`", _words(_bare(field.type)), _field_default(field), meaning


def _field_default(field: Any) -> str:
    extra = field.type.extra if isinstance(field.type, shapes.Metadata) else None
    if (extra or {}).get("required") or field.required:
        return "required"
    if field.default is NODEFAULT or field.default in (None, (), ""):
        return ""
    if isinstance(field.default, tuple):
        return f"`[{', '.join(map(str, field.default))}]`"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _bare(kind: Any) -> Any:
    return _bare(kind.type) if isinstance(kind, shapes.Metadata) else kind


def _words(kind: Any) -> str:
    kind = _bare(kind)
    if isinstance(kind, shapes.UnionType):
        members = (one for one in kind.types if not isinstance(one, shapes.NoneType))
        return " or ".join(_words(one) for one in members)
    if isinstance(kind, shapes.VarTupleType):
        return f"list of {_words(kind.item_type)}"
    if isinstance(kind, shapes.DictType):
        free = isinstance(kind.value_type, shapes.AnyType)
        return "policy document" if free else "keys with text"
    if isinstance(kind, shapes.LiteralType):
        return " or ".join(f"`{value}`" for value in sorted(kind.values))
    if isinstance(kind, shapes.IntType):
        return f"number, {kind.ge} to {kind.le}"
    return _PLAIN_WORDS.get(type(kind), "text")


_PLAIN_WORDS: dict[type, str] = {
    shapes.StructType: "keys",
    shapes.BoolType: "true or false",
    shapes.DataclassType: "`namespace/name`",
}


# Exit codes


def exit_codes() -> Iterator[str]:
    """Every code that a command can end with."""
    meanings = {
        0: "done, or nothing to do",
        plan.CHANGES: "`irsa plan --detailed-exitcode` found changes",
    }
    meanings |= {app.USAGE: "wrong usage: an unknown command or option, a missing argument"}
    meanings |= {app.INTERRUPTED: "stopped, by Ctrl-C or by answering no"}
    for kind in _kinds(errors.IrsaError):
        meanings.setdefault(kind.exit_code, kind.meaning)
    yield "The code says what kind of thing went wrong; the message and the hint say the rest."
    yield ""
    rows = [(f"`{code}`", meaning) for code, meaning in sorted(meanings.items())]
    yield from _table(("code", "meaning"), rows)
    yield "Why these numbers: [decision 0005](../decisions/0005-exit-codes.md)."


def _kinds(kind: type[errors.IrsaError]) -> Iterator[type[errors.IrsaError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


# Annotations


def annotations() -> Iterator[str]:
    """What can be written on ServiceAccounts and pods, and what pods then get."""
    yield "They are EKS's, with EKS's meaning; charts written for EKS work unchanged."
    yield f"The prefix is `{grants.DEFAULT_PREFIX}`, unless `injection.annotationPrefix` says so."
    yield ""
    rows = [
        (f"`{grants.DEFAULT_PREFIX}/{value}`", *ANNOTATIONS[name])
        for name, value in vars(grants).items()
        if name.isupper() and isinstance(value, str) and not _internal(name)
    ]
    yield from _table(("annotation", "on a", "meaning"), rows)
    label = f"{grants.DEFAULT_PREFIX}/{grants.SKIP_LABEL}"
    yield f"A pod with the label `{label}` (any value) is left alone altogether."
    yield from sentences(
        "A role of an account outside `injection.allowedAccounts` is not injected: whoever "
        "creates the pod is warned, and the pod starts without. So is one that does not fit "
        "`injection.namespaces`."
    )
    yield ""
    yield "## What a pod gets"
    yield ""
    yield "Every container, init containers too, unless it is skipped or sets the first two itself:"
    yield ""
    yield f"- `{patch.ROLE_ARN}`: the role."
    yield f"- `{patch.TOKEN_FILE_NAME}`: `{patch.TOKEN_FILE}` (on Windows beginning with `C:`)."
    names = " and ".join(f"`{name}`" for name in patch.REGIONS)
    yield f"- {names}: the region of the configuration, unless one of them is set."
    yield f"- `{patch.REGIONAL_STS}`: `regional`, unless the annotation says `false`."
    yield f"- `{patch.SESSION_NAME}`: `NAMESPACE.SERVICEACCOUNT`, which CloudTrail shows."
    yield f"- A projected volume `{patch.VOLUME}` with the token, mounted at `{patch.MOUNT_PATH}`."


def _internal(name: str) -> bool:
    return name.startswith(("_", "DEFAULT_")) or name == "SKIP_LABEL"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
