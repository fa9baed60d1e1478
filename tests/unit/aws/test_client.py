"""The door to AWS, against a server on loopback that answers what it is told."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from irsa.aws.call import Call
from irsa.aws.client import Aws
from irsa.errors import AwsError

WHO = """<GetCallerIdentityResponse><GetCallerIdentityResult>
<Arn>arn:aws-cn:iam::111122223333:user/ci</Arn><UserId>U</UserId><Account>111122223333</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
NO_ROLE = """<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no role</Message></Error>
<RequestId>R1</RequestId></ErrorResponse>"""
GET_ROLE = Call(service="iam", operation="GetRole", params={"RoleName": "web"})
DELETE_ROLE = Call(service="iam", operation="DeleteRole", params={"RoleName": "web"})
DONE = "<DeleteRoleResponse/>"


class _Recorder:
    def __init__(self):
        self.seen = []

    def before(self, call):
        self.seen.append(("before", call.name))

    def after(self, call):
        self.seen.append(("after", call.name))


class _Server(HTTPServer):
    answers: list[tuple[int, str]]
    requests = 0


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests += 1
        status, body = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        """Keep the test's output clean."""


@pytest.fixture(name="server")
def _server(monkeypatch):
    with _Server(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        for name in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM"):
            monkeypatch.setenv(name, url)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(name="recorder")
def _recorder():
    return _Recorder()


@pytest.fixture(name="aws")
def _aws(monkeypatch, recorder):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAAAAAAAAAAAAAAAA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Aws.open(region="eu-west-1", observer=recorder) as aws:
        yield aws


def test_the_caller_is_asked_for_once(aws, server):
    """And carries its partition, which no host name tells."""
    server.answers = [(200, WHO)]
    assert aws.identity().partition == "aws-cn"
    assert aws.identity().account == "111122223333"
    assert server.requests == 1


def test_nothing_there_is_none(aws, server):
    """For a read it is an answer like another."""
    server.answers = [(404, NO_ROLE)]
    assert aws.read(GET_ROLE) is None


def test_nothing_there_is_an_error_for_a_change(aws, server):
    """With AWS's code and the request's id."""
    server.answers = [(404, NO_ROLE)]
    with pytest.raises(AwsError, match="NoSuchEntity") as caught:
        aws.call(DELETE_ROLE)
    assert (caught.value.code, caught.value.request_id) == ("NoSuchEntity", "R1")


def test_changes_are_observed_and_reads_are_not(aws, server, recorder):
    """Before a change, and after it took effect."""
    server.answers = [(404, NO_ROLE), (200, DONE), (404, NO_ROLE)]
    aws.read(GET_ROLE)
    aws.call(DELETE_ROLE)
    with pytest.raises(AwsError):
        aws.call(DELETE_ROLE)
    name = DELETE_ROLE.name
    assert recorder.seen == [("before", name), ("after", name), ("before", name)]


def test_nobody_there_is_an_error(aws, monkeypatch):
    """Without a code, with a hint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(AwsError, match="iam:GetRole could not be sent") as caught:
        aws.read(GET_ROLE)
    assert caught.value.code is None


def test_an_unknown_profile_is_an_error():
    """Named before anything is sent."""
    with pytest.raises(AwsError, match="nobody"):
        Aws.open(region="eu-west-1", profile="nobody")
