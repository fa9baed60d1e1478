import json
import re
import stat
from pathlib import Path

import pytest

from irsa.cli import main
from irsa.identity import jwks
from irsa.identity.keys import KeyKind, SigningKey, load_public_keys

KEY = SigningKey.generate(KeyKind.ec_p256)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def create(*arguments: str) -> int:
    return main(["keys", "create", *arguments])


def show(*arguments: str) -> int:
    return main(["keys", "show", *arguments])


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.mark.parametrize("kind", KeyKind, ids=str)
def test_create_makes_a_pair(kind: KeyKind, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The private file for its owner only, the public one as PUBLIC KEY, the key id printed."""
    assert create("--type", kind) == 0
    private, public = here / "sa.key", here / "sa.pub"
    key = SigningKey.load(private.read_bytes(), "sa.key")
    assert key.public.kind == kind
    assert load_public_keys(public.read_bytes(), "sa.pub") == (key.public,)
    assert public.read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert capfd.readouterr().out == f"{key.public.kid}\n"


def test_create_makes_rsa_2048_unless_told(here: Path) -> None:
    """The kind that every verifier knows."""
    assert create() == 0
    assert SigningKey.load((here / "sa.key").read_bytes(), "x").public.kind == "rsa-2048"


def test_create_prints_facts_for_scripts(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """As JSON: id, type, algorithm and the files."""
    (here / "pki").mkdir()
    assert create("--type", "ec-p384", "--out", "pki", "--output", "json") == 0
    facts = json.loads(capfd.readouterr().out)
    (key,) = load_public_keys(Path(facts["public"]).read_bytes(), "x")
    assert facts == {
        "kid": key.kid,
        "type": "ec-p384",
        "algorithm": "ES384",
        "private": "pki/sa.key",
        "public": "pki/sa.pub",
    }


def test_create_takes_names_for_both_files(here: Path) -> None:
    """Where they are wanted."""
    assert create("--type", "ec-p256", "--private", "a", "--public", "b") == 0
    assert names(here) == {"a", "b"}


@pytest.mark.parametrize("taken", ["sa.key", "sa.pub"])
def test_create_overwrites_nothing_and_makes_no_half(
    here: Path, taken: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """One name taken: the file stays as it is, and the other is not made."""
    (here / taken).write_text("precious")
    assert create("--type", "ec-p256") == 65
    assert names(here) == {taken}
    assert (here / taken).read_text() == "precious"
    assert f"{taken} exists already and is never overwritten" in capfd.readouterr().err


def test_create_does_not_write_through_a_link(here: Path) -> None:
    """A link to nowhere is a name that is taken."""
    (here / "sa.pub").symlink_to("elsewhere")
    assert create("--type", "ec-p256") == 65
    assert names(here) == {"sa.pub"}


def test_create_takes_the_private_file_back(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """If the public one appears meanwhile, there is no half-made pair."""
    original = SigningKey.generate

    def slow(kind: KeyKind) -> SigningKey:
        (here / "sa.pub").write_text("somebody else's")
        return original(kind)

    monkeypatch.setattr(SigningKey, "generate", slow)
    assert create("--type", "ec-p256") == 65
    assert names(here) == {"sa.pub"}
    assert "exists already" in capfd.readouterr().err


WRONG = {
    "type": (("--type", "rsa-1024"), 64, "'rsa-1024' is not one of rsa-2048"),
    "private-only": (("--private", "a"), 64, "--private and --public go together"),
    "public-only": (("--public", "a"), 64, "--private and --public go together"),
    "both-ways": (("--out", ".", "--private", "a", "--public", "b"), 64, "--out does not go with"),
    "one-file": (("--private", "a", "--public", "./a"), 65, "both the private and the public"),
    "no-directory": (("--out", "none"), 65, "none is not a directory"),
}


@pytest.mark.parametrize(("arguments", "code", "why"), WRONG.values(), ids=WRONG.keys())
def test_create_explains_what_is_wrong(
    here: Path,
    arguments: tuple[str, ...],
    code: int,
    why: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """With the exit code of its kind, and nothing made."""
    assert create(*arguments) == code
    captured = capfd.readouterr()
    assert why in captured.err
    assert captured.out == ""
    assert names(here) == set()


def test_show_names_every_key(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Private, public or JWKS: id, type, algorithm and file."""
    (here / "a.key").write_bytes(KEY.private_pem())
    (here / "a.pub").write_bytes(KEY.public.pem())
    (here / "keys.json").write_bytes(jwks.build([KEY.public]))
    assert show("a.key", "a.pub", "keys.json") == 0
    lines = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert lines == [
        [KEY.public.kid, "ec-p256", "ES256", file] for file in ("a.key", "a.pub", "keys.json")
    ]


def test_show_prints_a_jwks_for_scripts(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Which can be read again."""
    (here / "a.key").write_bytes(KEY.private_pem())
    assert show("a.key", "--output", "json") == 0
    printed = capfd.readouterr().out
    assert json.loads(printed) == {"keys": [KEY.public.jwk()]}
    assert jwks.parse(printed.encode(), "x") == (KEY.public,)


@pytest.mark.parametrize("output", ["text", "json", "yaml"])
def test_nothing_private_is_printed(
    here: Path, output: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not a line of the private file, whatever is asked for."""
    assert create("--type", "ec-p256", "--output", output) == 0
    assert show("sa.key", "--output", output) == 0
    captured = capfd.readouterr()
    secret = (here / "sa.key").read_text().splitlines()[1:-1]
    assert secret
    assert not any(line in captured.out + captured.err for line in secret)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot read a: no such file or directory"),
        (b"", "a holds no PEM block"),
        (b"{}", "a is not a JWKS"),
        (b"-----BEGIN RSA PUBLIC KEY-----\nAA==\n-----END RSA PUBLIC KEY-----", "skips without"),
    ],
    ids=["missing", "empty", "json", "skipped"],
)
def test_show_explains_a_wrong_file(
    here: Path, content: bytes | None, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one sentence, with nothing on stdout."""
    if content is not None:
        (here / "a").write_bytes(content)
    assert show("a") == 65
    captured = capfd.readouterr()
    assert why in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("command", ["create", "show"])
def test_help_has_an_example(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """As every command's."""
    assert main(["keys", command, "--help"]) == 0
    assert re.search(r"Example: .*irsa keys", capfd.readouterr().out)
