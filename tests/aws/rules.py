"""The rules of the local AWS, each with the change to its code that takes it out."""

from dataclasses import dataclass

from tests.aws.mutation import Mutant, without


@dataclass(frozen=True, kw_only=True)
class Rule:
    """
    One rule.

    Args:
        name: Service, subject, and what about it.
        file: Where it is, below `src/irsa`.
        old: Its text there, which stands there once.
        new: What stands there without it.
        tests: Part of the names of tests that are asked first.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str = ""

    def mutant(self) -> Mutant:
        """The code without it."""
        return without(self.name, self.file, old=self.old, new=self.new, tests=self.tests)


RULES: tuple[Rule, ...] = ()
SPARED: tuple[str, ...] = ()
