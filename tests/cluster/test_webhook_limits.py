"""Through a real API server: pods as large as it takes, and a crowd of bad clients beside them."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irsa.errors import KubeError

from .placing import Place, Setup, registered, set_up
from .rigs import Rig

pytestmark = pytest.mark.cluster

# What an API server takes of a request's body: MaxRequestBodyBytes of k8s.io/apiserver.
LARGEST = 3 * 1024 * 1024
CROWD = 400


@pytest.fixture(name="setup", scope="module")
def _setup(rig: Rig, place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    with set_up(rig, place, Path(tmp_path_factory.mktemp("limits"))) as made:
        yield made


def pod(namespace: str, size: int, *, containers: int) -> dict[str, Any]:
    """A pod whose JSON has about this size, most of it in variables."""
    variables = size // containers // 1000
    made = [
        {
            "name": f"app-{number}",
            "image": "x",
            "env": [{"name": f"V{each}", "value": "x" * 965} for each in range(variables)],
        }
        for number in range(containers)
    ]
    metadata = {"generateName": "large-", "namespace": namespace}
    spec = {"serviceAccountName": "registered", "containers": made}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("containers", [1, 60])
def test_pod_as_large_as_an_api_server_takes_gets_its_role(setup: Setup, containers: int) -> None:
    """Just below its own limit, and with every variable that was there still there."""
    large = pod(setup.place.pods, LARGEST - 100_000, containers=containers)
    assert LARGEST - 250_000 < len(json.dumps(large, separators=(",", ":"))) < LARGEST
    with registered(setup.place, setup.webhook):
        made = setup.place.kube.create(large, dry_run=True)
    assert any(volume["name"] == "aws-iam-token" for volume in made["spec"]["volumes"])
    for before, after in zip(large["spec"]["containers"], made["spec"]["containers"], strict=True):
        names = [variable["name"] for variable in after["env"]]
        assert after["env"][: len(before["env"])] == before["env"]
        assert "AWS_ROLE_ARN" in names[len(before["env"]) :]


def test_larger_pod_is_the_api_servers_to_refuse(setup: Setup) -> None:
    """It never comes to the webhook."""
    with registered(setup.place, setup.webhook):
        asked = setup.webhook.said("review")
        with pytest.raises(KubeError) as refused:
            setup.place.kube.create(pod(setup.place.pods, LARGEST + 100_000, containers=9))
        assert refused.value.status == 413
        assert setup.webhook.said("review") == asked


def test_crowd_of_bad_clients_costs_no_pod_its_role(setup: Setup) -> None:
    """Some say nothing, some stop in the handshake, some in a request: reviews go on."""
    crowd: list[socket.socket] = []
    with registered(setup.place, setup.webhook):
        try:
            for number in range(CROWD):
                client = socket.create_connection(("127.0.0.1", setup.webhook.port), timeout=30)
                crowd.append(client)
                if number % 2:
                    client.sendall(b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03")
                if number % 10 == 0:
                    assert setup.place.pod("registered")
            assert all(setup.place.pod("registered") for _ in range(50))
        finally:
            for client in crowd:
                client.close()
    assert setup.webhook.child.poll() is None
