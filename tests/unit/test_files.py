import os
import stat
from pathlib import Path

import pytest

from irsa import files
from irsa.errors import InputError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Bytes as they are, text with its line ends untouched."""
    files.write_atomic(tmp_path / "a", "ä\r\nb\n".encode())
    assert files.read_bytes(tmp_path / "a") == b"\xc3\xa4\r\nb\n"
    assert files.read_text(tmp_path / "a") == "ä\r\nb\n"


@pytest.mark.parametrize("name", ["none", "none/none", "."], ids=["missing", "nowhere", "dir"])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """With the reason, in a sentence."""
    with pytest.raises(InputError, match=f"cannot read {tmp_path / name}: "):
        files.read_bytes(tmp_path / name)


def test_text_must_be_utf8(tmp_path: Path) -> None:
    """The message says where it is not."""
    (tmp_path / "a").write_bytes(b"ok\xff")
    with pytest.raises(InputError, match=r"a is not UTF-8 text \(byte 2\)"):
        files.read_text(tmp_path / "a")


def test_an_existing_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new content under the old name, and nothing left beside it."""
    path = tmp_path / "a"
    path.write_bytes(b"old and longer")
    files.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["a"]


@pytest.mark.parametrize("wanted", [files.PUBLIC_MODE, files.SECRET_MODE], ids=oct)
@pytest.mark.parametrize("write", [files.write_atomic, files.create], ids=["write", "create"])
def test_a_file_has_its_mode_whatever_the_umask(tmp_path: Path, write: object, wanted: int) -> None:
    """A secret is never readable by others, not even for a moment."""
    assert callable(write)
    before = os.umask(0)
    try:
        write(tmp_path / "a", b"x", mode=wanted)
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == wanted


def test_a_new_file_never_replaces_another(tmp_path: Path) -> None:
    """The old content stays, and nothing is left beside it."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match="exists already and is never overwritten") as caught:
        files.create(path, b"new")
    assert caught.value.hint
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]


def test_a_new_file_does_not_follow_a_link(tmp_path: Path) -> None:
    """A link that points nowhere is a name that is taken."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    with pytest.raises(InputError, match="exists already"):
        files.create(tmp_path / "a", b"x")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("write", [files.write_atomic, files.create], ids=["write", "create"])
def test_what_cannot_be_written_is_named(tmp_path: Path, write: object) -> None:
    """And nothing was made."""
    assert callable(write)
    with pytest.raises(InputError, match=r"cannot write .*: no such file or directory"):
        write(tmp_path / "none" / "a", b"x")
    assert names_in(tmp_path) == []
