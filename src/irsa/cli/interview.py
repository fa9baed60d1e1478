"""
Questions to whoever sits at the terminal; where nobody does, options and suggestions.

Never here: what is asked.
"""

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import typer

from irsa.cli.render import console
from irsa.errors import InputError

Complaint = Callable[[str], str | None]
"""What is wrong with an answer, as a sentence that goes on after it; None if it is good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    One value that somebody has to decide on.

    Args:
        option: The option that answers it, such as `--bucket`.
        text: What is asked on a terminal.
        complain: What is wrong with an answer.
        suggestion: The answer to fall back to; None if there is none.
    """

    option: str
    text: str
    complain: Complaint
    suggestion: str | None = None


@dataclass(slots=True, kw_only=True)
class Interview:
    """
    Answers to questions: an option's value, somebody's on the terminal, or the suggestion.

    Args:
        yes: Take every suggestion without asking.
        missing: The questions that nobody answered.
    """

    yes: bool = False
    missing: list[Question] = field(default_factory=list)

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer."""
        return not self.yes and sys.stdin.isatty()

    def answer(self, question: Question, given: str | None) -> str:
        """
        The answer; empty if there is none, and the question is then among the missing ones.

        Args:
            question: The question.
            given: The option's value.

        Raises:
            InputError: The given answer is wrong.
        """
        if given is not None:
            return check(question.option, given, question.complain)
        if self.can_ask:
            return ask(question)
        if self.yes and question.suggestion is not None:
            return question.suggestion
        self.missing.append(question)
        return ""

    def unanswered(self) -> InputError:
        """The error that names what is missing, and what could be said."""
        names = ", ".join(question.option for question in self.missing)
        unknown = [one.option for one in self.missing if not one.suggestion]
        if self.yes:
            return InputError(
                f"no good value for {names} can be found out",
                hint=f"say it: {' '.join(f'{option} …' for option in unknown)}",
            )
        suggested = " ".join(
            f"{one.option} {shlex.quote(one.suggestion) if one.suggestion else '…'}"
            for one in self.missing
        )
        yourself = f", and say {', '.join(unknown)} yourself" if unknown else ""
        return InputError(
            f"there is no terminal to ask on; missing: {names}",
            hint=f"add {suggested}; or take the suggestions with --yes{yourself}",
        )


def check(option: str, given: str, complain: Complaint) -> str:
    """
    An option's value, if it is good.

    Raises:
        InputError: It is not; the message says why.
    """
    complaint = complain(given)
    if complaint:
        raise InputError(f"{option}: {given!r} {complaint}")
    return given


def ask(question: Question) -> str:
    """Ask on the terminal until the answer is good; Return takes the suggestion."""
    while True:
        answer = str(
            typer.prompt(
                question.text,
                default=question.suggestion,
                show_default=bool(question.suggestion),
                err=True,
            )
        ).strip()
        complaint = question.complain(answer)
        if complaint is None:
            return answer
        console.note(f"  {answer!r} {complaint}")
