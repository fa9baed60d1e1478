"""A volume's files change all at once."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from irsa.local.node import payload
from irsa.local.node.payload import File


def test_files_are_seen_through_one_link(tmp_path: Path) -> None:
    """Content and mode are as asked, reached through `..data`."""
    payload.write(tmp_path, {"token": File(content=b"t", mode=0o600)})
    assert (tmp_path / "token").read_bytes() == b"t"
    assert (tmp_path / "token").readlink() == Path("..data/token")
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_same_files_change_nothing(tmp_path: Path) -> None:
    """Writing what is there already does not touch the directory."""
    assert payload.write(tmp_path, {"a": File(content=b"1")})
    before = (tmp_path / "..data").readlink()
    assert not payload.write(tmp_path, {"a": File(content=b"1")})
    assert (tmp_path / "..data").readlink() == before


def test_change_removes_what_is_no_longer_wanted(tmp_path: Path) -> None:
    """Old files, their links and the old directory go."""
    payload.write(tmp_path, {"a": File(content=b"1"), "dir/b": File(content=b"2")})
    payload.write(tmp_path, {"dir/b": File(content=b"3")})
    names = {entry.name for entry in tmp_path.iterdir() if not entry.name.startswith("..2")}
    assert names == {"..data", "dir"}
    assert (tmp_path / "dir/b").read_bytes() == b"3"
    assert len(list(tmp_path.glob("..2*"))) == 1


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.binary(max_size=20), max_size=5
    )
)
def test_what_is_written_is_read(files: dict[str, bytes]) -> None:
    """The directory holds exactly the files of the payload."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        payload.write(directory, {"old": File(content=b"")})
        payload.write(directory, {key: File(content=value) for key, value in files.items()})
        found = {p.name: p.read_bytes() for p in directory.iterdir() if p.name[:2] != ".."}
        assert found == files
