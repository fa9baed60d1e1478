"""
Take each rule of the local AWS out in turn: at least one test must fail.

    python tests/aws/kill_rules.py            every rule, every refusal in the code
    python tests/aws/kill_rules.py s3. sts    those whose names have one of these in them

First all tests run, and it is noted which test runs through which line. Then, for each rule, the
tests that run through it do so without it, until one fails; that test must pass again with it.
The rules are those of `rules/`, and every statement of `src/irsa/local/aws` that refuses
something. Nothing is written; the end is 0 if no rule survives.
"""

import gc
import re
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.aws.mutation import ROOT, Mutant, UnfitError, applied, refusals  # noqa: E402
from tests.aws.rules import RULES, SPARED  # noqa: E402

from irsa.local.aws.lag import copied  # noqa: E402

# What they try runs in another process.
ELSEWHERE = ("test_aws_process.py", "test_aws_alone.py", "test_local_aws_guide.py")
WATCHED = tuple(str(ROOT / name) for name in ("local/aws/", "trust/", "identity/"))


def mutants() -> list[Mutant]:
    """Every rule, every refusal."""
    found = list(RULES)
    for path in sorted((ROOT / "local/aws").rglob("*.py")):
        file = str(path.relative_to(ROOT))
        found += [
            one for one in refusals(file) if not any(re.search(form, one.name) for form in SPARED)
        ]
    return found


class Lines:
    """Which test ran through which line, whatever thread did."""

    def __init__(self) -> None:
        self.by_place: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.test: str | None = ""

    def watch(self, frame: FrameType, event: str, _argument: Any) -> Any:
        """A trace function; without a test it ends itself, in each thread."""
        if self.test is None:
            sys.settrace(None)
            return None
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        if event in ("line", "call"):
            self.by_place[frame.f_code.co_filename, frame.f_lineno].add(self.test)
        return self.watch

    def tests_of(self, mutant: Mutant) -> set[str]:
        """The tests that ran through a mutant's lines."""
        lines = range(mutant.start, mutant.end + 1)
        return {test for line in lines for test in self.by_place.get((str(mutant.path), line), ())}


class Account:
    """The account as it is after the tests; whatever a missing rule let in goes again."""

    def __init__(self) -> None:
        from irsa.local.aws.world import World

        self._worlds = [one for one in gc.get_objects() if isinstance(one, World)]
        self._kept = [copied(world.iam) for world in self._worlds]

    def restore(self) -> None:
        """As it was."""
        for world, kept in zip(self._worlds, self._kept, strict=True):
            world.account_block = None
            world.documents.clear()
            fresh = copied(kept)
            for name in ("roles", "users", "access_keys", "open_id_providers", "managed_policies"):
                setattr(world.iam, name, getattr(fresh, name))


class _After:
    """What is next after every test: only what belongs to the session stays."""

    def __init__(self, item: pytest.Item) -> None:
        self._chain = item.listchain()[:1]

    def listchain(self) -> list[Any]:
        return self._chain


class Killer:
    """The plugin that does it."""

    def __init__(self, wanted: list[str]) -> None:
        self.wanted = wanted
        self.lines = Lines()
        self.seconds: dict[str, float] = {}
        self.survived: list[str] = []
        self.unsteady: set[str] = set()
        self.why = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of just running the tests."""
        chosen = [one for one in mutants() if any(words in one.name for words in self.wanted)]
        items = {item.nodeid: item for item in session.items}
        threading.settrace(self.lines.watch)
        for item in items.values():
            self.lines.test = item.nodeid
            began = time.monotonic()
            if not self._passes(item):
                raise UnfitError(f"{item.nodeid} fails with every rule in place:\n{self.why}")
            self.seconds[item.nodeid] = time.monotonic() - began
        self.lines.test = None
        threading.settrace(None)
        self.account = Account()
        self._say(session, f"{len(items)} tests pass; {len(chosen)} rules to take out")
        for mutant in chosen:
            self._hunt(session, mutant, items)
        self._say(session, f"{len(self.survived)} of {len(chosen)} rules survived")
        if self.unsteady:
            self._say(session, f"not to be repeated: {', '.join(sorted(self.unsteady))}")
        session.testsfailed = len(self.survived)
        return True

    def _hunt(self, session: pytest.Session, mutant: Mutant, items: dict[str, Any]) -> None:
        candidates = self._candidates(mutant, items)
        for item in candidates:
            with applied(mutant):
                passed = self._passes(item)
            self.account.restore()
            if passed:
                continue
            if self._passes(item):
                self._say(session, f"killed    {mutant.name}  by {item.nodeid.partition('::')[2]}")
                return
            self.unsteady.add(item.nodeid)
        self.survived.append(mutant.name)
        self._say(session, f"SURVIVED  {mutant.name}  ({len(candidates)} tests)")

    def _candidates(self, mutant: Mutant, items: dict[str, Any]) -> list[Any]:
        through = self.lines.tests_of(mutant) & items.keys()
        if mutant.tests:
            through |= {name for name in items if mutant.tests in name}
        steady = through - self.unsteady
        order = sorted(steady, key=lambda name: (mutant.tests not in name, self.seconds[name]))
        return [items[name] for name in order]

    def _passes(self, item: Any) -> bool:
        from _pytest.runner import runtestprotocol

        item._initrequest()
        reports = runtestprotocol(item, log=False, nextitem=_After(item))
        failed = [report for report in reports if report.failed]
        self.why = failed[0].longreprtext if failed else ""
        return not failed

    def _say(self, session: pytest.Session, text: str) -> None:
        session.config.get_terminal_writer().line(text)


def main(arguments: list[str]) -> int:
    """Run."""
    killer = Killer(arguments or [""])
    ignored = [f"--ignore={HERE / name}" for name in ELSEWHERE]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", *ignored]
    code = pytest.main([*options, str(HERE)], plugins=[killer])
    return 1 if killer.survived else int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
