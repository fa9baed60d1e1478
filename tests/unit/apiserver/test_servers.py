"""Which API servers there are, by three sources."""

from irsa.apiserver.servers import fleet_of

NOTE = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"


def _pod(name, endpoint=None, command=("kube-apiserver",), **status):
    return {
        "metadata": {
            "name": f"kube-apiserver-{name}",
            "annotations": {NOTE: endpoint} if endpoint else {},
        },
        "spec": {
            "nodeName": name,
            "containers": [{"name": "kube-apiserver", "command": list(command)}],
        },
        "status": status,
    }


def _slice(*addresses, port=6443):
    return {"ports": [{"port": port}], "endpoints": [{"addresses": list(addresses)}]}


def _node(name, *, control_plane=True):
    labels = {"node-role.kubernetes.io/control-plane": ""} if control_plane else {}
    return {"metadata": {"name": name, "labels": labels}}


def test_agreeing_sources_give_the_servers():
    """Pods, endpoints and Nodes that agree leave no doubt."""
    pods = [_pod("cp-2", "10.0.0.2:6443"), _pod("cp-1", "10.0.0.1:6443")]
    nodes = [_node("cp-1"), _node("cp-2"), _node("w-1", control_plane=False)]
    found = fleet_of(pods, [_slice("10.0.0.1", "10.0.0.2")], nodes)
    assert [(one.name, one.url) for one in found.servers] == [
        ("cp-1", "https://10.0.0.1:6443"),
        ("cp-2", "https://10.0.0.2:6443"),
    ]
    assert found.differences == ()


def test_an_endpoint_without_a_pod_is_a_difference():
    """Somebody answers there, and nobody knows with which flags."""
    found = fleet_of([_pod("cp-1", "10.0.0.1:6443")], [_slice("10.0.0.1", "10.0.0.9")], [])
    assert found.differences == ("endpoint 10.0.0.9:6443 has no API server pod",)


def test_a_control_plane_node_without_a_pod_is_a_difference():
    """A server that is down comes back with its old flags."""
    found = fleet_of([_pod("cp-1", "10.0.0.1:6443")], [], [_node("cp-1"), _node("cp-2")])
    assert found.differences == ("node cp-2 has no API server pod",)


def test_a_server_on_loopback_needs_no_endpoint():
    """Loopback addresses never become endpoints."""
    assert not fleet_of([_pod("cp-1", "127.0.0.1:4711")], [], [_node("cp-1")]).differences


def test_an_endpoint_is_known_by_the_hosts_address_too():
    """A server may advertise another of its host's addresses."""
    pod = _pod("cp-1", "127.0.0.1:6443", hostIP="10.0.0.1")
    assert not fleet_of([pod], [_slice("10.0.0.1")], []).differences


def test_without_the_annotation_flags_and_status_tell_the_address():
    """Distributions other than kubeadm write no annotation."""
    command = ("kube-apiserver", "--secure-port=7443")
    server = fleet_of([_pod("cp-1", command=command, hostIP="fd00::1")], [], []).servers[0]
    assert server.url == "https://[fd00::1]:7443"


def test_ipv6_is_compared_as_addresses():
    """Two spellings of one address are one server."""
    pod = _pod("cp-1", "[fd00:0::1]:6443")
    assert not fleet_of([pod], [_slice("fd00::1")], []).differences


def test_without_pods_the_endpoints_are_the_servers():
    """Their flags are unknown, and that is said by having no command."""
    found = fleet_of([], [_slice("10.0.0.2", "10.0.0.1")], [_node("cp-1")])
    assert [one.name for one in found.servers] == ["10.0.0.1", "10.0.0.2"]
    assert all(one.command is None for one in found.servers)


def test_command_and_arguments_are_one_command_line():
    """Flags count wherever the pod has them."""
    pod = _pod("cp-1", "10.0.0.1:6443")
    pod["spec"]["containers"][0]["args"] = ["--a=b"]
    assert fleet_of([pod], [], []).servers[0].command == ("kube-apiserver", "--a=b")
