"""What is made of a pod's end."""

import pytest

from irsa.errors import ProofError
from irsa.verify import pod
from irsa.verify.echo import Echo

ECHO = Echo(run="1a2b", namespace="shop", service_account="web", bucket="target")
GIVEN = [{"name": "AWS_ROLE_ARN", "value": "arn"}]


class Cluster:
    """Just the one question that is asked, with the given pods as the answer."""

    def __init__(self, *pods):
        self.pods = list(pods)

    def list(self, _version, _kind, **_where):
        return self.pods


def _pod(state, *, env=GIVEN):
    return {
        "spec": {"containers": [{"env": env}]},
        "status": {"phase": "Running", "containerStatuses": [{"state": state}]},
    }


def test_the_words_of_a_pod_that_succeeded():
    """Its termination message is what it wrote."""
    ended = {"terminated": {"exitCode": 0, "message": "AROA:s\tarn\n"}}
    assert pod.outcome(Cluster(_pod(ended)), ECHO, seconds=1) == "AROA:s\tarn\n"


@pytest.mark.parametrize(
    ("state", "words", "hint"),
    [
        (
            {"terminated": {"exitCode": 1, "message": "Incorrect token audience"}},
            "audience",
            "plan",
        ),
        ({"terminated": {"exitCode": 1}}, "it said nothing", None),
        ({"waiting": {"reason": "ErrImagePull", "message": "no"}}, "ErrImagePull", "--image"),
    ],
    ids=["refused by STS", "silent", "no image"],
)
def test_a_failure_says_what_to_do_next(state, words, hint):
    """AWS's own words, and the command that follows from them."""
    with pytest.raises(ProofError) as caught:
        pod.outcome(Cluster(_pod(state)), ECHO, seconds=1)
    assert words in caught.value.message
    assert (hint or "") in (caught.value.hint or "")


def test_a_pod_without_a_role_is_found_out_at_once():
    """Nobody waits for a pod that nothing was injected into."""
    with pytest.raises(ProofError, match="without a role"):
        pod.outcome(Cluster(_pod({"running": {}}, env=[])), ECHO, seconds=1000)


@pytest.mark.parametrize(
    ("cluster", "words"),
    [(Cluster(), "made no pod"), (Cluster(_pod({"running": {}})), "phase Running")],
    ids=["no pod", "running"],
)
def test_waiting_ends(cluster, words):
    """The deadline's message says how far it came."""
    with pytest.raises(ProofError, match=words):
        pod.outcome(cluster, ECHO, seconds=0.01)


def test_a_pod_that_never_ends_probably_cannot_reach_aws():
    """Whoever forgot the proxy is told of it after the wait."""
    with pytest.raises(ProofError) as caught:
        pod.outcome(Cluster(_pod({"running": {}})), ECHO, seconds=0.01)
    assert "--proxy" in (caught.value.hint or "")
