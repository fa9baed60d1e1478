"""Looking for pods without their role."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from irsa.controller import survey as module
from irsa.controller.survey import Found, Search, config_map_roles
from irsa.errors import KubeError
from irsa.injection.grants import Defaults

ROLE = "arn:aws:iam::111122223333:role/web"


class FakeApi:
    """Pages of ServiceAccounts and pods, and a server that forgets."""

    def __init__(self) -> None:
        self.accounts: list[dict] = []
        self.pods: dict[str, list[dict]] = {}
        self.objects: dict[str, dict] = {}
        self.paths: list[str] = []
        self.forgets = 0

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
        if begin and self.forgets:
            self.forgets -= 1
            raise KubeError("too old", status=410, reason="Expired")
        left = len(items) > begin + limit
        metadata = {"continue": str(begin + limit)} if left else {}
        page = {"kind": "List", "metadata": metadata, "items": items[begin : begin + limit]}
        return json.dumps(page).encode()

    def get(self, ref: Any) -> Any:
        return self.objects.get(ref.name)


@pytest.fixture(name="api")
def _api() -> FakeApi:
    api = FakeApi()
    api.account("web", role_arn=ROLE)
    api.account("plain")
    return api


def search(api: FakeApi, **options: Any) -> Search:
    return Search(kube=api, defaults=Defaults(), **options)


def names(found: Found) -> list[str]:
    return [str(bare) for bare in found.bare]


def test_bare_pods_are_found_and_refused_roles(api: FakeApi) -> None:
    """Who has no role asks for nothing; whose role must not be given is told apart."""
    api.account("odd", role_arn="arn:of:nothing")
    api.pod("web-1")
    api.pod("other-1", "plain")
    api.pod("odd-1", "odd")
    found = search(api).find()
    assert names(found) == ["shop/web-1"]
    assert found.granted == 1
    assert [(one.name, "not the ARN" in one.reason) for one in found.refused] == [("odd", True)]


def test_what_the_webhook_noted_is_the_reason(api: FakeApi) -> None:
    """It is the only one who knows; else it says what may have been."""
    api.pod("web-1")
    api.pod("web-2")
    api.pods["shop"][1]["metadata"]["annotations"] = {"irsa/role-missing": "no answer in 4.5 s"}
    first, second = search(api).find().bare
    assert "before the annotation" in first.why
    assert "no answer in 4.5 s" in second.why


def test_pages_are_read_to_the_end(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large cluster is looked at whole."""
    monkeypatch.setattr(module, "PAGE", 2)
    for number in range(5):
        api.pod(f"web-{number}")
    assert len(search(api).find().bare) == 5


def test_list_that_was_forgotten_is_begun_anew(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """410 Gone in the middle: every pod is found, and none twice."""
    monkeypatch.setattr(module, "PAGE", 2)
    for number in range(5):
        api.pod(f"web-{number}")
    api.forgets = 2
    assert names(search(api).find()) == [f"shop/web-{number}" for number in range(5)]
    api.forgets = 100
    with pytest.raises(KubeError):
        search(api).find()


def test_pods_are_listed_only_where_there_is_a_role(api: FakeApi) -> None:
    """Namespaces without one, and those that the webhook is not asked about, cost nothing."""
    api.pod("x-1", namespace="bank")
    search(api).find()
    search(api, left_out=frozenset({"shop"})).find()
    assert [path.split("?")[0] for path in api.paths if "/pods" in path] == [
        "/api/v1/namespaces/shop/pods"
    ]


def test_answer_that_is_no_list_is_an_error(api: FakeApi) -> None:
    """A login page in between is not an empty cluster."""
    api.raw = lambda _path: b"<html>"
    with pytest.raises(KubeError, match="something else than a list"):
        search(api).find()


def test_roles_of_the_config_map_count(api: FakeApi) -> None:
    """Where AWS's webhook took roles from a ConfigMap, pods without these are found too."""
    api.pod("other-1", "plain")
    api.objects["pod-identity-webhook"] = {
        "data": {"config": json.dumps({"shop/plain": {"RoleARN": ROLE}})}
    }
    mappings = config_map_roles(api, "irsa-system", Defaults())
    assert names(search(api, mappings=mappings).find()) == ["shop/other-1"]
