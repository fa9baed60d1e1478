"""What a real kube-apiserver makes of key files, against what we make of them."""

import base64
import functools
import json
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from irsa.errors import InputError
from irsa.identity import discovery, jwks, tokens
from irsa.identity.issuer import IssuerUrl
from irsa.identity.keys import KeyKind, PublicKey, SigningKey, load_public_keys
from irsa.local import binaries
from irsa.local.network import free_ports
from irsa.tls.certs import Authority, LeafRequest

pytestmark = pytest.mark.cluster

ISSUER = IssuerUrl.for_bucket("prod-eu-irsa", region="eu-west-1")
ADMIN = "admin-token"
DEADLINE = 60.0

EXPLICIT_CURVE = b"""-----BEGIN PUBLIC KEY-----
MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5
RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA
//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABA/2e0qfxUc7rBom6SEqYNY7
7vkKHBG6++20Jw0wG3GS0HjEckkkMbGSd1yQMFTQuVHSd66k46F82VzT+KpDdrI=
-----END PUBLIC KEY-----
"""
COMPRESSED_POINT = b"""-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACNM8P6ibql9WKo7Lh/h38zTHNJ+3x
3X0C78/E7Q8R9vc=
-----END PUBLIC KEY-----
"""


def _written(key: SigningKey, form: PrivateFormat) -> bytes:
    return key._key.private_bytes(Encoding.PEM, form, NoEncryption())


def _certificate(key: SigningKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sa")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key._key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now.replace(year=now.year + 1, day=1))
        .sign(key._key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


def _pss(key: SigningKey) -> bytes:
    rsa, pss = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("01", "0a"))
    body = base64.encodebytes(key.public.spki.replace(rsa, pss))
    return b"-----BEGIN PUBLIC KEY-----\n" + body + b"-----END PUBLIC KEY-----\n"


def _read_forms() -> dict[str, tuple[SigningKey, bytes]]:
    """Each kind of key, each in another of the forms that kube-apiserver reads."""
    rsa_key, big_key, p256, p384, p521 = map(SigningKey.generate, KeyKind)
    pkcs8, certified, sec1 = map(
        SigningKey.generate, (KeyKind.rsa_2048, KeyKind.ec_p256, KeyKind.ec_p384)
    )
    return {
        "rsa-2048, PKCS#1": (rsa_key, rsa_key.private_pem()),
        "rsa-4096, SPKI": (big_key, big_key.public.pem()),
        "ec-p256, SEC 1": (p256, p256.private_pem()),
        "ec-p384, SPKI": (p384, p384.public.pem().replace(b"\n", b"\r\n")),
        "ec-p521, certificate": (p521, _certificate(p521)),
        "rsa-2048, PKCS#8": (pkcs8, _written(pkcs8, PrivateFormat.PKCS8)),
        "ec-p256, certificate": (certified, _certificate(certified)),
        "ec-p384, SEC 1": (sec1, sec1.private_pem()),
    }


def _skipped_forms() -> dict[str, bytes]:
    """Keys that kube-apiserver passes over without a word, as long as another one is usable."""
    rsa_key = SigningKey.generate(KeyKind.rsa_2048)
    ec_key = SigningKey.generate(KeyKind.ec_p256)
    foreign = ed25519.Ed25519PrivateKey.generate()
    return {
        "PKCS#1 public": rsa_key._key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "OpenSSH": _written(rsa_key, PrivateFormat.OpenSSH),
        "EC in PKCS#8": _written(ec_key, PrivateFormat.PKCS8),
        "Ed25519": foreign.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "explicit curve": EXPLICIT_CURVE,
        "compressed point": COMPRESSED_POINT,
        "RSA-PSS": _pss(rsa_key),
        "indented": b"  " + rsa_key.public.pem(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A kube-apiserver, and the keys that its files hold."""

    client: httpx.Client
    signer: SigningKey
    read: dict[str, tuple[SigningKey, bytes]]
    skipped: dict[str, bytes]

    @property
    def keys(self) -> set[PublicKey]:
        """What we read from its files."""
        return {key for _, data in self.read.values() for key in load_public_keys(data, "x")}

    def get(self, path: str) -> bytes:
        return self.client.get(path).raise_for_status().content

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.post(path, json=body).raise_for_status().json()
        return answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server that was given every form in files of its own."""
    directory = tmp_path_factory.mktemp("apiserver")
    read, skipped = _read_forms(), _skipped_forms()
    signer, _ = read["ec-p256, SEC 1"]
    good = signer.public.pem()
    blocks = [*(data for _, data in read.values()), *(good + data for data in skipped.values())]
    files = [directory / f"keys-{number}.pem" for number, _ in enumerate(blocks)]
    for file, data in zip(files, blocks, strict=True):
        file.write_bytes(data)
    with ExitStack() as stack:
        client = stack.enter_context(_control_plane(directory, signer, key_files=files))
        yield Server(client=client, signer=signer, read=read, skipped=skipped)


@contextmanager
def _control_plane(
    directory: Path, signer: SigningKey, *, key_files: list[Path]
) -> Iterator[httpx.Client]:
    etcd_port, peer_port, port = free_ports(3)
    authority, flags = _api_server_flags(directory, signer, key_files=key_files)
    context = ssl.create_default_context(cadata=authority.certificate_pem.decode())
    with (
        _process(
            directory,
            "etcd",
            f"--data-dir={directory / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
            "--unsafe-no-fsync",
        ),
        _process(
            directory,
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd_port}",
            f"--secure-port={port}",
            *flags,
        ) as process,
        httpx.Client(
            base_url=f"https://127.0.0.1:{port}",
            verify=context,
            trust_env=False,
            headers={"Authorization": f"Bearer {ADMIN}"},
        ) as client,
    ):
        _wait_until(lambda: _ready(client, process))
        yield client


def _api_server_flags(
    directory: Path, signer: SigningKey, *, key_files: list[Path]
) -> tuple[Authority, list[str]]:
    now = datetime.now(UTC)
    authority = Authority.generate("test", now=now, days=1)
    leaf = authority.issue(LeafRequest(common_name="x", ips=("127.0.0.1",)), now=now, days=1)
    contents = {
        "tls.crt": leaf.certificate_pem,
        "tls.key": leaf.private_key_pem,
        "sa.key": signer.private_pem(),
        "tokens.csv": f'{ADMIN},admin,1,"system:masters"\n'.encode(),
    }
    for name, data in contents.items():
        (directory / name).write_bytes(data)
    return authority, [
        "--bind-address=127.0.0.1",
        f"--tls-cert-file={directory / 'tls.crt'}",
        f"--tls-private-key-file={directory / 'tls.key'}",
        f"--token-auth-file={directory / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-signing-key-file={directory / 'sa.key'}",
        *(f"--service-account-key-file={file}" for file in key_files),
        "--service-cluster-ip-range=10.0.0.0/24",
    ]


@contextmanager
def _process(directory: Path, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with (directory / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([_binary(name), *arguments], stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@functools.cache
def _binary(name: str) -> Path:
    return binaries.find(None, step=lambda _: nullcontext()).programs[name]


def _ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the API server ended"
    try:
        answer = client.get("/api/v1/namespaces/kube-system")
    except httpx.TransportError:
        return False
    return answer.is_success and client.get("/readyz").is_success


def _wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < end, "the API server is not ready"
        time.sleep(0.1)


def test_the_server_publishes_exactly_our_keys(server: Server) -> None:
    """The same set of entries, for every kind of key and every form of file."""
    published = jwks.parse(server.get("/openid/v1/jwks"), "/openid/v1/jwks")
    assert set(published) == server.keys
    assert jwks.build(published) == jwks.build(server.keys)


def test_the_server_writes_entries_as_we_do(server: Server) -> None:
    """Member by member; it repeats a key that stands in several files, we do not."""
    entries = {entry["kid"]: entry for entry in json.loads(server.get("/openid/v1/jwks"))["keys"]}
    assert entries == {key.kid: key.jwk() for key in server.keys}


def test_the_server_passes_over_what_we_refuse(server: Server) -> None:
    """Each of them stood in a file behind a good key, and none was published."""
    for name, data in server.skipped.items():
        with pytest.raises(InputError):
            load_public_keys(data, name)


def test_the_server_discovers_as_we_do(server: Server) -> None:
    """Issuer and algorithms agree; only the JWKS lies elsewhere."""
    theirs = discovery.parse(server.get("/.well-known/openid-configuration"), "theirs")
    ours = discovery.parse(discovery.build(ISSUER, server.keys), "ours")
    assert theirs.issuer == ours.issuer
    assert set(theirs.algorithms) == set(ours.algorithms)


def test_a_token_of_the_server_verifies(server: Server) -> None:
    """With our keys, issuer and audience."""
    _service_account(server)
    answer = server.post(
        "/api/v1/namespaces/default/serviceaccounts/web/token",
        {"spec": {"audiences": ["sts.amazonaws.com"], "expirationSeconds": 600}},
    )
    token = tokens.verify(
        answer["status"]["token"],
        server.keys,
        issuer=ISSUER,
        audience="sts.amazonaws.com",
        now=datetime.now(UTC),
    )
    assert token.kid == server.signer.public.kid
    assert token.subject == "system:serviceaccount:default:web"


def test_the_server_takes_tokens_that_we_sign(server: Server) -> None:
    """With every key: its id and algorithm are those the server computes."""
    uid = _service_account(server)
    for name, (key, _) in server.read.items():
        status = _review(server, key.sign_jwt(_claims(uid)))
        assert status.get("authenticated"), (name, status)


def test_the_server_refuses_a_lying_key_id(server: Server) -> None:
    """A stranger's signature under a good key's id."""
    stranger = SigningKey.generate(KeyKind.ec_p256)
    token = stranger.sign_jwt(_claims(_service_account(server)), {"kid": server.signer.public.kid})
    assert not _review(server, token).get("authenticated")


def _review(server: Server, token: str) -> dict[str, Any]:
    answer = server.post(
        "/apis/authentication.k8s.io/v1/tokenreviews",
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": ["sts.amazonaws.com", str(ISSUER)]},
        },
    )
    status: dict[str, Any] = answer["status"]
    return status


def _service_account(server: Server) -> str:
    """The uid of the ServiceAccount default/web, made when it is first asked for."""
    path = "/api/v1/namespaces/default/serviceaccounts"
    _wait_until(lambda: server.client.get("/api/v1/namespaces/default").is_success)
    if not server.client.get(f"{path}/web").is_success:
        server.post(path, {"metadata": {"name": "web"}})
    uid: str = server.client.get(f"{path}/web").json()["metadata"]["uid"]
    return uid


def _claims(uid: str) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    return {
        "iss": str(ISSUER),
        "sub": "system:serviceaccount:default:web",
        "aud": [str(ISSUER)],
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "kubernetes.io": {
            "namespace": "default",
            "serviceaccount": {"name": "web", "uid": uid},
        },
    }
