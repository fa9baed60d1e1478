"""No token is rejected while the issuer changes on two API servers, one by one."""

import itertools
import json
import random
import threading
import time
from collections import Counter, deque
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from irsa import files
from irsa.errors import KubeError
from irsa.kube.client import Kube

pytestmark = pytest.mark.cluster

OLD = "https://kubernetes.default.svc.cluster.local"
NEW = "https://keys.s3.eu-west-1.amazonaws.com"
NAIVE = "https://naive.s3.eu-west-1.amazonaws.com"
ENOUGH = 200
PAUSE = 0.01
SECONDS = 60


class Load:
    """
    Tokens minted on any server and used on any, all the time.

    Args:
        rig: The rig; only its loopback addresses are asked.
    """

    def __init__(self, rig):
        self.counts = Counter()
        self._tokens = deque(maxlen=500)
        self._random = random.Random(3)
        self._end = threading.Event()
        self._stack = ExitStack()
        kube = self._stack.enter_context(Kube.open(kubeconfig=str(rig.kubeconfig), timeout=5))
        servers = rig.status["apiServers"]
        self._minters = [self._stack.enter_context(kube.at(one["url"])) for one in servers]
        self._urls = [one["url"] for one in servers]
        context = httpx.create_ssl_context(verify=True, trust_env=False)
        context.load_verify_locations(servers[0]["ca"])
        self._web = self._stack.enter_context(
            httpx.Client(verify=context, trust_env=False, timeout=5)
        )
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        self._stack.close()

    def settle(self):
        """Wait until a good number of tokens more were used."""
        target = self.counts["accepted"] + self.counts["rejected"] + ENOUGH
        wait_until(lambda: self.counts["accepted"] + self.counts["rejected"] >= target)

    def _run(self):
        for turn in itertools.count():
            if self._end.wait(PAUSE):
                return
            if turn % 3 == 0:
                self._mint()
            elif self._tokens:
                self._use()

    def _mint(self):
        minter = self._random.choice(self._minters)
        try:
            issued = minter.create_token("default", "default", audiences=[], expiration_seconds=600)
        except KubeError as error:
            self.counts["not minted" if error.status is None else f"mint {error.status}"] += 1
            return
        self._tokens.append(issued.token)

    def _use(self):
        token, url = self._random.choice(self._tokens), self._random.choice(self._urls)
        try:
            answer = self._web.get(f"{url}/version", headers={"Authorization": f"Bearer {token}"})
        except httpx.HTTPError:
            self.counts["no answer"] += 1
            return
        # A server that has just started may not know its roles yet: 403 is no rejected token.
        outcome = {200: "accepted", 401: "rejected"}.get(
            answer.status_code, str(answer.status_code)
        )
        self.counts[outcome] += 1


@pytest.mark.timeout(600)
def test_no_token_is_rejected_and_a_naive_replacement_is_seen_to_fail(make_rig):
    """The stages reject none of the tokens, and the same counter sees the tutorial's way fail."""
    rig = make_rig(api_servers=2)
    servers = rig.status["apiServers"]
    with Load(rig) as load:
        load.settle()
        for server in servers:
            _change(rig, server, "accept")
        for server in servers:
            _change(rig, server, "activate", "--ack-external-consumers", "--override", "documents")
        load.settle()
    assert load.counts["rejected"] == 0, load.counts
    assert load.counts["accepted"] >= 2 * ENOUGH
    with Load(rig) as load:
        load.settle()
        assert load.counts["rejected"] == 0
        _replace_naively(rig, servers[0])
        load.settle()
    assert load.counts["rejected"] > 0


def wait_until(condition):
    """Look again and again until it is so; fail after a minute."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be within a minute"
        time.sleep(0.1)


def _change(rig, server, goal, *more):
    options = ("--issuer", NEW, "--root", server["nodeDirectory"], "--reason", "no bucket here")
    rig.irsa("issuer", goal, *options, *more, "--timeout", "120", "--yes")


def _replace_naively(rig, server):
    manifest = Path(server["manifest"])
    text = manifest.read_text().replace(NEW, NAIVE)
    lines = [line for line in text.splitlines() if f"issuer={OLD}" not in line]
    files.write_atomic(manifest, "\n".join([*lines, ""]).encode())
    wait_until(lambda: _issuer_of(rig, server) == NAIVE)


def _issuer_of(rig, server):
    try:
        with Kube.open(kubeconfig=str(rig.kubeconfig)) as kube, kube.at(server["url"]) as there:
            return json.loads(there.raw("/.well-known/openid-configuration"))["issuer"]
    except KubeError:
        return None
