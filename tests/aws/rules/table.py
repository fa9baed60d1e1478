"""A rule of the local AWS, with the change to its code that takes it out."""

from tests.aws.mutation import Mutant, without


def rule(name: str, file: str, old: str, new: str, tests: str = "") -> Mutant:
    """
    Code without one rule.

    Args:
        name: Subject, and what about it.
        file: Below `src/irsa/local/aws`, or below `src/irsa` for `trust/`.
        old: Its text there, which stands there once.
        new: What stands there without it.
        tests: Part of the names of tests that are asked first; they must be named where no test
            runs through the text itself, as for a number that is read when the program starts.
    """
    place = file if file.startswith("trust/") else f"local/aws/{file}"
    return without(name, place, old=old, new=new, tests=tests)
