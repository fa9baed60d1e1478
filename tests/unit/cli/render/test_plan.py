"""How a plan looks; the whole of it is in tests/golden/plan."""

import os
import re
from pathlib import Path

import pytest
from tests.fakes.stage import make_stage

from irsa.cli.render.plan import styled, summary, text
from irsa.provision.resource import Plan

GOLDEN = Path(__file__).parents[3] / "golden" / "plan"


def _new():
    return make_stage().plan()


def _changed():
    stage = make_stage()
    stage.apply()
    uid = stage.wish.config.cluster.uid
    roles = [
        {"serviceAccounts": ["shop/web"], "path": "/team/"},
        {"serviceAccounts": ["shop/worker", "shop/more"], "path": "/team/"},
    ]
    stage.wish = make_stage(cluster={"name": "prod-eu", "uid": uid}, roles=roles).wish
    stage.aws.buckets["prod-eu-irsa"].versioning = "Suspended"
    return stage.plan()


def _removal():
    stage = make_stage()
    stage.apply()
    return stage.plan_removal(delete_bucket=False)


@pytest.mark.parametrize("make", [_new, _changed, _removal], ids=["new", "changed", "removal"])
def test_it_looks_as_it_was_approved(make):
    """A change of looks is seen in review; `make golden` rewrites the files."""
    file = GOLDEN / f"{make.__name__.strip('_')}.txt"
    shown = _steady(text(make())) + "\n"
    if "UPDATE_GOLDEN" in os.environ:
        file.write_text(shown)
    assert shown == file.read_text()


def test_an_empty_plan_says_so():
    """In the words of the command."""
    assert text(Plan()) == "nothing to change"
    assert text(Plan(), nothing="nothing to remove") == "nothing to remove"


def test_the_summary_has_two_tenses():
    """Before and after."""
    plan = _new()
    assert summary(plan) == "23 to create, 1 to change, 0 to remove"
    assert summary(plan, past=True) == "23 created, 1 changed, 0 removed"


def test_colours_change_no_character():
    """The same text, for a terminal."""
    plain = text(_new())
    assert styled(plain).plain == plain
    assert {str(span.style) for span in styled(plain).spans} == {"green", "yellow"}


def _steady(shown):
    """Without what is new in every run: key ids and hashes."""
    return re.sub(r"[\w-]{43}(?= \()", "KID", re.sub(r"Irsa[0-9a-f]{16}", "IrsaHASH", shown))
