"""Proxies by kubectl's rules."""

import pytest

from irsa.kube.proxies import proxy_for

PROXY = "http://proxy.example:3128"
URL = "https://api.example.com:6443"


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        (URL, {}, None),
        (URL, {"HTTPS_PROXY": PROXY}, PROXY),
        (URL, {"https_proxy": PROXY}, PROXY),
        (URL, {"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, None),
        ("http://api.example.com", {"HTTP_PROXY": PROXY}, PROXY),
        (URL, {"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        ("https://localhost:6443", {"HTTPS_PROXY": PROXY}, None),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": PROXY}, None),
        ("https://[::1]:6443", {"HTTPS_PROXY": PROXY}, None),
        (URL, {"HTTPS_PROXY": PROXY, "NO_PROXY": "a.b, example.com"}, None),
        (URL, {"HTTPS_PROXY": PROXY, "no_proxy": ".example.com"}, None),
        (URL, {"HTTPS_PROXY": PROXY, "NO_PROXY": "*.example.com"}, None),
        (URL, {"HTTPS_PROXY": PROXY, "NO_PROXY": "ample.com"}, PROXY),
        (URL, {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        (URL, {"HTTPS_PROXY": PROXY, "NO_PROXY": "example.com:6443"}, None),
        (URL, {"HTTPS_PROXY": PROXY, "NO_PROXY": "example.com:443"}, PROXY),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, None),
        ("https://11.1.2.3:6443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, PROXY),
        ("https://10.1.2.3", {"HTTPS_PROXY": PROXY, "NO_PROXY": "nonsense/8,10.1.2.3"}, None),
        ("https://[fd00::1]:6443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "fd00::1"}, None),
    ],
)
def test_proxy_for(url, environment, expected):
    """The environment's proxy, but not for loopback and what NO_PROXY spares."""
    assert proxy_for(url, environment) == expected
