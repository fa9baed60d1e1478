"""
The fuzzer: looks for bytes that break a promise, guided by the code that they reach.

`python tests/fuzz/fuzz.py reviews|structured|wire [libFuzzer's options] [directories]`; an input
that breaks a promise is written to a file, to be put into the corpus with the mending.
Needs what is in requirements/fuzz.txt; `make fuzz` has all of it.
"""

import sys
from pathlib import Path
from typing import Any

import atheris
import jsonpatch

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["irsa.webhook", "irsa.injection"]):
    from tests.fuzz import promises
from tests.fuzz.mutation import mutated


def patched(document: Any, operations: list[dict]) -> Any:
    """The document as a library patches it, and as we do: the same."""
    found = jsonpatch.apply_patch(document, operations)
    assert found == promises.applied(document, operations)
    return found


def one_review(body: bytes) -> None:
    """Try one body."""
    promises.check_review(body, patched=patched)


def main() -> None:
    """Fuzz until told to stop."""
    mode = sys.argv.pop(1)
    target = promises.check_wire if mode == "wire" else one_review
    options: dict[str, Any] = {}
    if mode == "structured":
        options["custom_mutator"] = lambda data, limit, seed: mutated(data, seed, limit=limit)
    atheris.Setup(sys.argv, target, **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
