import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa import errors
from irsa.errors import EXCERPT_LENGTH, AwsError, ConfigError, InputError, IrsaError, KubeError


def kinds() -> list[type[IrsaError]]:
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, IrsaError)
    ]


def test_every_kind_has_an_exit_code_of_its_own() -> None:
    """Except the configuration's, which is input too; 2 is left to `plan`."""
    codes = {kind: kind.exit_code for kind in kinds() if kind is not ConfigError}
    assert len(set(codes.values())) == len(codes)
    assert ConfigError.exit_code == InputError.exit_code
    assert not {0, 2, 64} & set(codes.values())


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_kind_says_what_its_code_means(kind: type[IrsaError]) -> None:
    """For the reference of exit codes."""
    assert kind.meaning
    error = kind("bucket b is missing", hint="irsa apply")
    assert str(error) == error.message == "bucket b is missing"
    assert error.hint == "irsa apply"


def test_foreign_errors_keep_what_their_side_said() -> None:
    """AWS's code and request, Kubernetes' status and reason."""
    aws = AwsError("x", code="AccessDenied", operation="iam:CreateRole", request_id="r")
    assert (aws.code, aws.operation, aws.request_id) == ("AccessDenied", "iam:CreateRole", "r")
    kube = KubeError("x", status=403, reason="Forbidden")
    assert (kube.status, kube.reason) == (403, "Forbidden")


@given(text=st.text(max_size=600))
def test_foreign_text_is_cut_to_one_line(text: str) -> None:
    """At most 256 characters, without line ends; what is cut already is not cut again."""
    line = errors.excerpt(text)
    assert len(line) <= EXCERPT_LENGTH
    assert len(line.splitlines()) <= 1
    assert errors.excerpt(line) == line
