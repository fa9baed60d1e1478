"""Every input that the fuzzer has learnt something from keeps its promises."""

import random
from pathlib import Path

import pytest
from tests.fuzz.mutation import mutated
from tests.fuzz.promises import HANDLER, TARGETS, check_review

from irsa.webhook.handler import Outcome, Question

CORPUS = Path(__file__).parent / "corpus"
INPUTS = [(name, path) for name in TARGETS for path in sorted((CORPUS / name).iterdir())]


@pytest.mark.parametrize(
    ("target", "path"), INPUTS, ids=lambda value: getattr(value, "name", value)
)
def test_corpus_keeps_its_promises(target: str, path: Path) -> None:
    """As found; a broken promise raises."""
    TARGETS[target](path.read_bytes())


def test_corpus_reaches_every_outcome() -> None:
    """Inputs that are all refused at the door would prove nothing."""
    replies = [HANDLER.answer(path.read_bytes()) for name, path in INPUTS if name == "reviews"]
    reached = {None if isinstance(reply, Question) else reply.outcome for reply in replies}
    assert reached == {*Outcome, None} - {Outcome.failed}


def test_changed_reviews_keep_the_promises() -> None:
    """The same changes as the fuzzer's, a few hundred of them, without its guidance."""
    seeds = [path.read_bytes() for name, path in INPUTS if name == "reviews"]
    chance = random.Random(20_261_124)
    for number in range(400):
        body = chance.choice(seeds)
        for step in range(3):
            body = mutated(body, number * 3 + step, limit=20_000)
            check_review(body)
