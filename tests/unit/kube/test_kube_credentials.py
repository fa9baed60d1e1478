"""What is presented, and when it is renewed."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irsa.errors import InputError
from irsa.kube.connection import Auth, ClientCertificate, Connection, ExecPlugin
from irsa.kube.credentials import MARGIN, Credentials

V1 = "client.authentication.k8s.io/v1"
EXPIRES = datetime(2030, 1, 1, tzinfo=UTC)
CERTIFICATE = ClientCertificate(certificate=b"C", key=b"K")


def _connection(**auth) -> Connection:
    return Connection(server="https://kube.example", auth=Auth(**auth))


def _authorization(connection: Connection) -> str | None:
    return dict(Credentials(connection).present().headers).get("Authorization")


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({}, None),
        ({"token": "t"}, "Bearer t"),
        ({"username": "u", "password": "p:q"}, "Basic dTpwOnE="),
        ({"username": "u"}, "Basic dTo="),
        ({"token": "t", "username": "u"}, "Bearer t"),
    ],
    ids=["nothing", "token", "password", "no-password", "token-wins"],
)
def test_authorization(auth, expected):
    """A token wins over a password."""
    assert _authorization(_connection(**auth)) == expected


def test_token_file_is_read_for_each_request(tmp_path):
    """Kubelet renews it under us."""
    path = tmp_path / "token"
    path.write_text("one\n")
    credentials = Credentials(_connection(token_file=str(path), token="old"))
    assert dict(credentials.present().headers)["Authorization"] == "Bearer one"
    path.write_text("two")
    assert dict(credentials.present().headers)["Authorization"] == "Bearer two"


def test_missing_token_file_is_named(tmp_path):
    """Not a traceback."""
    with pytest.raises(InputError, match=f"cannot read {tmp_path}/token"):
        _authorization(_connection(token_file=str(tmp_path / "token")))


def test_certificate_and_impersonation_go_along():
    """They are presented besides the token."""
    connection = _connection(
        token="t", certificate=CERTIFICATE, impersonation=(("Impersonate-User", "joe"),)
    )
    presented = Credentials(connection).present()
    assert presented.certificate == CERTIFICATE
    assert ("Impersonate-User", "joe") in presented.headers
    assert "Bearer" not in repr(presented)


@pytest.mark.parametrize("token", ["a\nb", "a b", "ä", " "], ids=["line", "blank", "ascii", "none"])
def test_token_that_no_header_may_hold_is_refused_unseen(tmp_path, token):
    """A library's own message would show it."""
    path = tmp_path / "token"
    path.write_text(f"hush{token}hush" if token.strip() else token)
    with pytest.raises(InputError, match="is empty, or holds blanks or odd") as caught:
        _authorization(_connection(token_file=str(path)))
    assert "hush" not in str(caught.value)


@pytest.fixture(name="counting")
def _counting(tmp_path):
    """A plug-in whose token says how often it was run."""
    path = Path(tmp_path, "login")
    status = {"token": "N", "expirationTimestamp": EXPIRES.isoformat()}
    answer = json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status})
    path.write_text(
        f"#!{sys.executable} -S\n"
        f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n"
        f"print({answer!r}.replace('N', str(len(open({str(tmp_path / 'runs')!r}).read()))))\n"
    )
    path.chmod(0o700)
    return ExecPlugin(api_version=V1, command=str(path), interactive_mode="Never")


def test_plugin_is_run_once_until_its_credential_expires(counting):
    """And again shortly before that, never after."""
    now = EXPIRES - timedelta(hours=1)
    credentials = Credentials(_connection(plugin=counting), now=lambda: now)
    assert dict(credentials.present().headers)["Authorization"] == "Bearer 1"
    assert dict(credentials.present().headers)["Authorization"] == "Bearer 1"
    now = EXPIRES - MARGIN
    assert dict(credentials.present().headers)["Authorization"] == "Bearer 2"


def test_renewing_runs_the_plugin_again(counting):
    """A credential that was refused is not presented again."""
    now = EXPIRES - timedelta(hours=1)
    credentials = Credentials(_connection(plugin=counting), now=lambda: now)
    assert credentials.renew() is False
    credentials.present()
    assert credentials.renew() is True
    assert dict(credentials.present().headers)["Authorization"] == "Bearer 2"


def test_token_spares_the_plugin(tmp_path):
    """A token that is there is used."""
    plugin = ExecPlugin(api_version=V1, command=str(tmp_path / "absent"))
    assert _authorization(_connection(token="t", plugin=plugin)) == "Bearer t"
