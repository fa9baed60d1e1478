"""Looking for pods without their role, and telling of them."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from irsa.controller import survey as module
from irsa.controller.survey import Survey, config_map_roles
from irsa.errors import KubeError
from irsa.injection.grants import Defaults

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ROLE = "arn:aws:iam::111122223333:role/web"


class FakeApi:
    """Pages of ServiceAccounts and pods, and the Events that were made."""

    def __init__(self) -> None:
        self.accounts: list[dict] = []
        self.pods: dict[str, list[dict]] = {}
        self.objects: dict[str, dict] = {}
        self.events: list[dict] = []
        self.paths: list[str] = []
        self.failure: KubeError | None = None

    def account(self, name: str, **annotations: str) -> None:
        named = {f"eks.amazonaws.com/{k.replace('_', '-')}": v for k, v in annotations.items()}
        metadata = {"name": name, "namespace": "shop", "annotations": named}
        self.accounts.append({"metadata": metadata, "secrets": []})

    def pod(self, name: str, account: str = "web", namespace: str = "shop") -> None:
        metadata = {"name": name, "namespace": namespace, "uid": f"{name}-0123456789"}
        spec = {"serviceAccountName": account, "containers": [{"name": "app", "image": "x"}]}
        pods = self.pods.setdefault(namespace, [])
        pods.append({"metadata": metadata, "spec": spec, "status": {"phase": "Running"}})

    def raw(self, path: str) -> bytes:
        self.paths.append(path)
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        namespaced = parts.path.endswith("/pods")
        items = self.pods.get(parts.path.split("/")[4], []) if namespaced else self.accounts
        begin, limit = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
        left = len(items) > begin + limit
        metadata = {"continue": str(begin + limit)} if left else {}
        page = {"kind": "List", "metadata": metadata, "items": items[begin : begin + limit]}
        return json.dumps(page).encode()

    def create(self, obj: Any) -> Any:
        if self.failure:
            raise self.failure
        self.events.append(obj)
        return obj

    def get(self, ref: Any) -> Any:
        return self.objects.get(ref.name)

    def patch(self, ref: Any, patch: Any) -> Any:
        raise AssertionError(f"nothing is patched: {ref} {patch}")


@pytest.fixture(name="api")
def _api() -> FakeApi:
    api = FakeApi()
    api.account("web", role_arn=ROLE)
    api.account("plain")
    return api


def survey(api: FakeApi, **options: Any) -> Survey:
    return Survey(kube=api, clock=lambda: NOW, defaults=Defaults(), **options)


def test_bare_pod_is_told_of_once(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    """One Event beside the pod and one line in the log, however often it is seen."""
    api.pod("web-1")
    api.pod("other-1", "plain")
    looking = survey(api)
    looking.look()
    looking.look()
    [event] = api.events
    assert event["involvedObject"]["name"] == "web-1"
    assert (event["reason"], event["type"]) == ("RoleMissing", "Warning")
    assert event["metadata"]["namespace"] == "shop"
    assert ROLE in event["message"]
    assert caplog.text.count("a running pod has no role") == 1
    assert [str(bare) for bare in looking.found] == ["shop/web-1"]


def test_pod_that_went_and_came_again_is_told_of_again(api: FakeApi) -> None:
    """What was told is forgotten with its pod, so that memory does not grow."""
    looking = survey(api)
    for _ in range(2):
        api.pod("web-1")
        looking.look()
        api.pods.clear()
        looking.look()
    assert len(api.events) == 2
    assert looking.found == ()


def test_pages_are_read_to_the_end(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large cluster is looked at whole."""
    monkeypatch.setattr(module, "PAGE", 2)
    for number in range(5):
        api.pod(f"web-{number}")
    looking = survey(api)
    looking.look()
    assert len(looking.found) == 5


def test_pods_are_listed_only_where_there_is_a_role(api: FakeApi) -> None:
    """Namespaces without one, and those that the webhook is not asked about, cost nothing."""
    api.pod("x-1", namespace="bank")
    survey(api).look()
    survey(api, left_out=frozenset({"shop"})).look()
    assert [path.split("?")[0] for path in api.paths if "/pods" in path] == [
        "/api/v1/namespaces/shop/pods"
    ]


@pytest.mark.parametrize("status", [409, 403])
def test_event_that_cannot_be_made_stops_nothing(api: FakeApi, status: int) -> None:
    """Told already by the controller before, or not allowed: it is counted all the same."""
    api.failure = KubeError("refused", status=status)
    api.pod("web-1")
    looking = survey(api)
    looking.look()
    assert len(looking.found) == 1


def test_roles_of_the_config_map_count(api: FakeApi) -> None:
    """Where AWS's webhook took roles from a ConfigMap, pods without these are found too."""
    api.pod("other-1", "plain")
    api.objects["pod-identity-webhook"] = {
        "data": {"config": json.dumps({"shop/plain": {"RoleARN": ROLE}})}
    }
    looking = survey(api, mappings=config_map_roles(api, "irsa-system", Defaults()))
    looking.look()
    assert [str(bare) for bare in looking.found] == ["shop/other-1"]
