"""What `kubeadm upgrade` would lose, and what keeps it."""

import pytest
from ruamel.yaml import YAML

from irsa.apiserver.distributions.kubeadm import advise
from irsa.apiserver.flags import Issuance

OLD = "https://kubernetes.default.svc.cluster.local"
NEW = "https://b.s3.eu-west-1.amazonaws.com"
ORIGINAL = Issuance(issuers=(OLD,))
ACCEPT = Issuance(issuers=(OLD, NEW), audiences=(OLD,))
ACTIVATE = Issuance(issuers=(NEW, OLD), audiences=(OLD,))
V4 = "apiVersion: kubeadm.k8s.io/v1beta4\nkubernetesVersion: v1.36.3\n"
V3 = "apiVersion: kubeadm.k8s.io/v1beta3\nkubernetesVersion: v1.30.1\n"


def _config(text):
    return {"data": {"ClusterConfiguration": text}}


def _load(text):
    return YAML(typ="safe", pure=True).load(text)


def test_a_cluster_without_kubeadm_needs_nothing():
    """No ConfigMap, no advice."""
    assert advise(None, ACCEPT) is None


@pytest.mark.parametrize("text", [V3, V4])
def test_what_kubeadm_renders_anyway_needs_nothing(text):
    """The default issuer is kubeadm's own."""
    assert advise(_config(text), ORIGINAL) is None


def test_another_domain_is_another_default():
    """The default issuer follows the cluster's DNS domain."""
    wanted = Issuance(issuers=("https://kubernetes.default.svc.corp",))
    assert advise(_config(V4 + "networking: {dnsDomain: corp}\n"), wanted) is None


def test_the_advice_for_a_list_is_what_makes_it_go_away():
    """Put there as told, nothing is left to say."""
    advice = advise(_config(V4), ACTIVATE)
    assert advice
    assert advice.caution is None
    assert advise(_config(V4 + advice.text), ACTIVATE) is None


def test_older_kubeadm_may_sort_the_list():
    """The order decides who signs, so it is warned of."""
    advice = advise(_config(V4.replace("1.36", "1.33")), ACTIVATE)
    assert advice
    assert "3261" in (advice.caution or "")


@pytest.mark.parametrize("wanted", [ACCEPT, ACTIVATE], ids=["accept", "activate"])
def test_a_map_cannot_hold_two_issuers_so_a_patch_does(wanted):
    """Applied to what kubeadm renders, the patch gives the flags in their order."""
    advice = advise(_config(V3), wanted)
    assert advice
    assert "--patches" in advice.place
    command = ["kube-apiserver", "--a=b", f"--service-account-issuer={OLD}"]
    for operation in _load(advice.text):
        index = operation["path"].rpartition("/")[2]
        command.insert(len(command) if index == "-" else int(index), operation["value"])
    assert [one for one in command if one.startswith(("--service", "--api"))] == list(
        wanted.render()
    )


@pytest.mark.parametrize("text", ["a: [", "- 1"])
def test_an_unreadable_configuration_is_told(text):
    """What cannot be read may lose the flags."""
    advice = advise(_config(text), ACCEPT)
    assert advice
    assert "cannot be read" in advice.reason
