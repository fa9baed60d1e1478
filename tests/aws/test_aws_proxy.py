"""The proxy ends TLS for AWS's host names, and for nothing else."""

import socket
import ssl

import httpx
import pytest
from tests.aws.local_account import LocalAws, refused


def _connect(aws: LocalAws, place: str) -> tuple[bytes, socket.socket]:
    host, _, port = aws.proxy.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    return answer, connection


@pytest.mark.parametrize(
    "place",
    [
        "example.com:443", "evil-amazonaws.com:443", "amazonaws.com:443", "localhost:443",
        "s3.eu-west-1.amazonaws.com:80", "ec2.eu-west-1.amazonaws.com:443", "127.0.0.1:443",
        "s3.eu-west-1.amazonaws.com.evil.org:443", "sts.mars-1.amazonaws.com:443",
        "sts.eu-west-1.amazonaws.com.cn:443",
    ],
)  # fmt: skip
def test_other_hosts_are_refused(aws, place):
    """403 and a sentence, before any TLS."""
    answer, connection = _connect(aws, place)
    with connection:
        assert answer.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "host",
    [
        "sts.amazonaws.com", "sts.eu-west-1.amazonaws.com", "iam.amazonaws.com",
        "iam.us-gov.amazonaws.com", "iam.cn-north-1.amazonaws.com.cn",
        "bucket.s3.eu-west-1.amazonaws.com", "bucket.s3.cn-north-1.amazonaws.com.cn",
        "bucket.s3.eusc-de-east-1.amazonaws.eu", "sts.us-iso-east-1.c2s.ic.gov",
        "bucket.s3.us-isob-east-1.sc2s.sgov.gov", "sts.eu-isoe-west-1.cloud.adc-e.uk",
        "iam.us-isof-south-1.csp.hci.ic.gov", "sts.eu-west-1.api.aws", "bucket.s3.amazonaws.com",
        "111122223333.s3-control.eu-west-1.amazonaws.com", "sts-fips.us-east-1.amazonaws.com",
    ],
)  # fmt: skip
def test_hosts_of_every_partition_have_a_certificate(aws, host):
    """Verified against the authority of this server alone."""
    _, connection = _connect(aws, f"{host}:443")
    context = ssl.create_default_context(cafile=aws.ca)
    with connection, context.wrap_socket(connection, server_hostname=host) as secured:
        assert secured.version() in ("TLSv1.2", "TLSv1.3")


def test_dots_in_a_bucket_break_its_certificate(aws):
    """As with the real one: the wildcard covers one label."""
    host = "a.b.s3.eu-west-1.amazonaws.com"
    _, connection = _connect(aws, f"{host}:443")
    context = ssl.create_default_context(cafile=aws.ca)
    with connection, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(connection, server_hostname=host)


def test_it_is_no_web_server(aws):
    """Without a tunnel there is nothing."""
    answer = httpx.get(aws.proxy, trust_env=False)
    assert (answer.status_code, "CONNECT" in answer.text) == (403, True)


def test_it_is_no_proxy_for_plain_http(aws):
    """Even for AWS's names."""
    with httpx.Client(proxy=aws.proxy, trust_env=False) as client:
        assert client.get("http://sts.amazonaws.com/").status_code == 403


def test_one_tunnel_carries_many_requests(aws):
    """Connections are kept."""
    with aws.web() as web:
        ports = set()
        for _ in range(3):
            answer = web.get("https://s3.eu-west-1.amazonaws.com/")
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(ports) == 1


def test_a_tunnel_leads_to_one_host(aws):
    """Another Host header inside is refused."""
    with aws.web() as web:
        answer = web.get(
            "https://s3.eu-west-1.amazonaws.com/", headers={"Host": "iam.amazonaws.com"}
        )
    assert answer.status_code == 421


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("sts", "get_session_token"), ("sts", "get_federation_token"), ("iam", "list_groups"),
        ("iam", "list_instance_profiles"),
    ],
)  # fmt: skip
def test_what_has_no_handler_is_refused(aws, service, call):
    """NotImplemented, instead of whatever moto would say."""
    parameters = {"Name": "xx"} if call == "get_federation_token" else {}
    with refused("NotImplemented", status=501):
        getattr(aws.client(service), call)(**parameters)


@pytest.mark.parametrize("call", ["get_bucket_lifecycle", "get_bucket_cors", "get_bucket_website"])
def test_settings_of_buckets_without_a_handler_are_refused(s3, bucket, call):
    """They are not taken for a listing."""
    with refused("NotImplemented", status=501):
        getattr(s3, call)(Bucket=bucket)
