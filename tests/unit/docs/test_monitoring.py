"""Alerts and dashboard name metrics that exist, and every metric is explained."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from irsa.controller import metrics as controller
from irsa.webhook.metrics import Metrics, State

DIRECTORY = Path(__file__).parents[3] / "docs" / "monitoring"
NAME = re.compile(r"irsa_(?:webhook|controller)_[a-z_]+")
SUFFIXES = ("_bucket", "_sum", "_count")


def shown() -> dict[str, str]:
    """Every metric of both processes, and its kind."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    state = State(service_accounts=1, synced=True, heard_at=1.0, certificate_expiry=1.0)
    skew = timedelta()
    acting = controller.State(survey_at=now, registered=True, skew=skew)
    text = Metrics().render(state) + controller.render(acting)
    types = [line.split() for line in text.splitlines() if line.startswith("# TYPE ")]
    return {name: kind for _, _, name, kind in types}


def named(file: str) -> set[str]:
    """The metrics that a file names."""
    names = set(NAME.findall((DIRECTORY / file).read_text()))
    ends = tuple(suffix for suffix in SUFFIXES)
    return {name.removesuffix(next((e for e in ends if name.endswith(e)), "")) for name in names}


@pytest.mark.parametrize("file", ["alerts.yaml", "dashboard.json"])
def test_named_metrics_exist(file: str) -> None:
    """A renamed metric would make an alert silent for ever."""
    assert named(file) <= set(shown())


def test_every_metric_is_explained() -> None:
    """The page lists what both processes show, with its kind, and nothing else."""
    page = (DIRECTORY / "README.md").read_text()
    rows = re.findall(r"^\| `(irsa_[a-z_]+)[^`]*` \| (\w+) \|", page, flags=re.MULTILINE)
    assert dict(rows) == shown()


def test_names_follow_prometheus_conventions() -> None:
    """Counters end in _total, times in _seconds; no name carries a type."""
    for name, kind in shown().items():
        assert name.endswith("_total") is (kind == "counter")
        is_time = any(word in name for word in ("timestamp", "duration", "skew"))
        assert is_time is name.endswith("_seconds")


def test_alerts_are_complete() -> None:
    """Each has a severity, and says what to do."""
    groups = YAML(typ="safe").load((DIRECTORY / "alerts.yaml").read_text())["groups"]
    for rule in groups[0]["rules"]:
        assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    """Grafana would move them at random."""
    panels = json.loads((DIRECTORY / "dashboard.json").read_text())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)
