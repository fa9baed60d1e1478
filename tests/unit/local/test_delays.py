"""Delays as they are written, and as they lie in a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.errors import InputError
from irsa.local.delays import FILE, NONE, Delays, DelaysFile, parse


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([], NONE),
        (["iam=5s"], Delays(iam=5)),
        (["iam=2", "jwks=10m"], Delays(iam=2, jwks=600)),
        (["iam=1.5s", "iam=250ms"], Delays(iam=0.25)),
        (["jwks=1h"], Delays(jwks=3600)),
    ],
    ids=["none", "one", "two", "twice", "hour"],
)
def test_settings_are_read(settings, expected):
    """Names and times; without a unit they are seconds."""
    assert parse(settings) == expected


@pytest.mark.parametrize(
    "text", ["iam", "iam=", "iam=-1s", "s3=5s", "iam=5d", "iam=25h", "=5s", ""]
)
def test_what_is_no_delay_is_refused(text):
    """With the names that there are."""
    with pytest.raises(InputError, match="is not a delay") as caught:
        parse([text])
    assert "iam, jwks" in str(caught.value.hint)


def test_one_setting_leaves_the_others():
    """As they are."""
    assert parse(["iam=0s"], Delays(iam=5, jwks=60)) == Delays(jwks=60)


@given(iam=st.integers(0, 86400), jwks=st.integers(0, 86400))
def test_what_is_written_is_read(iam, jwks):
    """The settings of delays mean these delays."""
    assert parse(Delays(iam=iam, jwks=jwks).settings) == Delays(iam=iam, jwks=jwks)


def test_a_file_is_followed(tmp_path):
    """Written, changed, and gone."""
    here, there = DelaysFile(tmp_path), DelaysFile(tmp_path)
    assert here() == NONE
    there.write(Delays(iam=5))
    assert here() == Delays(iam=5)
    there.write(Delays(jwks=7))
    assert here() == Delays(jwks=7)
    (tmp_path / FILE).unlink()
    assert here() == NONE


@pytest.mark.parametrize("text", ["", "{", "[]", '{"s3": 1}'], ids=range(4))
def test_a_broken_file_changes_nothing(tmp_path, caplog, text):
    """It is told, and what was known stays."""
    file = DelaysFile(tmp_path)
    file.write(Delays(iam=5))
    assert file() == Delays(iam=5)
    (tmp_path / "new").write_text(text)
    (tmp_path / "new").replace(tmp_path / FILE)
    assert file() == Delays(iam=5)
    assert "holds no delays" in caplog.text
