import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.identity import base64url


@given(data=st.binary(max_size=40))
def test_bytes_survive_being_written_and_read(data: bytes) -> None:
    """Encode, decode: the same bytes."""
    assert base64url.decode(base64url.encode(data)) == data


@given(text=st.text(alphabet="AQgw-_+/= \n", max_size=8))
def test_bytes_have_one_text_only(text: str) -> None:
    """Whatever is taken is exactly what would be written."""
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data) == text


@pytest.mark.parametrize("text", ["+w", "_w==", "_x", "A", "ä", "A A"], ids=range(6))
def test_other_spellings_are_refused(text: str) -> None:
    """Padding, the standard alphabet, stray bits and anything else."""
    with pytest.raises(ValueError, match=r"."):
        base64url.decode(text)
