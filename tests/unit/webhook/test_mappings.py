"""Roles from the ConfigMap of AWS's webhook."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest

from irsa.errors import InputError, KubeError
from irsa.injection.grants import Defaults, Grant, Refusal
from irsa.webhook.mappings import Mappings, mapped

ROLE = "arn:aws:iam::111122223333:role/web"
DEFAULTS = Defaults(allowed_accounts=frozenset({"111122223333"}))


def config(**entry: Any) -> str:
    """The text of a ConfigMap that maps `shop/web`."""
    return json.dumps({"shop/web": {"RoleARN": ROLE} | entry})


def test_entry_is_a_grant_with_the_defaults() -> None:
    """What an entry leaves out is the default, the audience too: AWS's webhook leaves it empty."""
    grant = mapped(config(), DEFAULTS)["shop/web"]
    assert isinstance(grant, Grant)
    assert (grant.role_arn, grant.audience, grant.expiration) == (ROLE, "sts.amazonaws.com", 86400)
    assert grant.session_name == "shop.web"


def test_every_field_of_an_entry_counts() -> None:
    """Audience, regional STS and the token's life, by the names that AWS's webhook reads."""
    text = config(Audience="aud", UseRegionalSTS=True, TokenExpiration=900)
    grant = mapped(text, DEFAULTS)["shop/web"]
    assert isinstance(grant, Grant)
    assert (grant.audience, grant.regional_sts, grant.expiration) == ("aud", True, 900)


def test_guards_hold_for_the_config_map_too() -> None:
    """A role of another account is refused wherever it is written."""
    text = json.dumps({"shop/web": {"RoleARN": "arn:aws:iam::999999999999:role/web"}})
    assert isinstance(mapped(text, DEFAULTS)["shop/web"], Refusal)


@pytest.mark.parametrize("text", ["", " \n", "{}"], ids=["none", "blank", "empty"])
def test_empty_text_maps_nothing(text: str) -> None:
    """A ConfigMap without entries is no mistake."""
    assert mapped(text, DEFAULTS) == {}


@pytest.mark.parametrize(
    "text",
    ["[]", "{", '{"web": {}}', '{"a/b/c": {}}', '{"/b": {}}', '{"a/b": {"TokenExpiration": "x"}}'],
)
def test_nonsense_is_refused_as_a_whole(text: str) -> None:
    """Half of a map would take roles away from some."""
    with pytest.raises(InputError):
        mapped(text, DEFAULTS)


class FakeSource:
    """Answers one after the other; the last one for ever."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.answers = list(answers)
        self.paths: list[str] = []
        self.exhausted = asyncio.Event()

    async def get(self, path: str) -> bytes:
        self.paths.append(path)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if len(self.paths) > 1 and len(self.answers) == 1:
            self.exhausted.set()
        if isinstance(answer, Exception):
            raise answer
        if answer == "<html>":
            return answer.encode()
        data = {} if answer is None else {"data": {"config": answer}}
        return json.dumps({"kind": "ConfigMap"} | data).encode()


def after(*answers: str | Exception | None) -> Mappings:
    """The mappings after all of these were read, and the last one twice."""

    async def main() -> Mappings:
        source = FakeSource(*answers, answers[-1])
        mappings = Mappings(source, "kube-system", defaults=DEFAULTS)
        task = asyncio.create_task(mappings.run(period=0))
        async with asyncio.timeout(20):
            await source.exhausted.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        [path] = set(source.paths)
        assert path == "/api/v1/namespaces/kube-system/configmaps/pod-identity-webhook"
        return mappings

    return asyncio.run(main())


def test_change_of_the_config_map_is_taken() -> None:
    """A mapping that comes later is there, and one that goes is gone."""
    assert after(None, config()).get("shop", "web") is not None
    assert after(config(), "{}").get("shop", "web") is None


GONE = KubeError("there is none", status=404)


def test_missing_config_map_maps_nothing_and_is_ready() -> None:
    """Whoever only switched it on is served."""
    mappings = after(config(), GONE)
    assert mappings.synced
    assert mappings.get("shop", "web") is None


@pytest.mark.parametrize(
    "failure", [KubeError("no answer"), "{", "<html>"], ids=["unreachable", "nonsense", "odd"]
)
def test_failure_keeps_what_was_understood(failure: Any) -> None:
    """Neither an outage nor a typing error takes anybody's role away."""
    assert after(config(), failure).get("shop", "web") is not None


def test_not_ready_before_the_first_read() -> None:
    """A webhook that does not know the mappings yet is not asked."""
    assert not after(KubeError("no answer")).synced
