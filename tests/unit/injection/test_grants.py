"""What annotations grant."""

import pytest

from irsa.injection.grants import (
    Defaults,
    Grant,
    Refusal,
    grant_of,
    skipped_containers,
)

ROLE = "arn:aws:iam::111122223333:role/web"


def grant(**annotations: str) -> Grant:
    """The grant of a ServiceAccount with these further annotations."""
    named = {f"eks.amazonaws.com/{k.replace('_', '-')}": v for k, v in annotations.items()}
    verdict = grant_of({"eks.amazonaws.com/role-arn": ROLE} | named, Defaults())
    assert isinstance(verdict, Grant)
    return verdict


@pytest.mark.parametrize("annotations", [{}, {"eks.amazonaws.com/role-arn": ""}, {"role-arn": "x"}])
def test_no_role_is_no_grant(annotations: dict) -> None:
    """An unannotated ServiceAccount grants nothing, and nobody is warned."""
    assert grant_of(annotations, Defaults()) is None


def test_prefix_can_be_changed() -> None:
    """Only annotations under the configured prefix count."""
    defaults = Defaults(prefix="irsa.example")
    assert isinstance(grant_of({"irsa.example/role-arn": ROLE}, defaults), Grant)
    assert grant_of({"eks.amazonaws.com/role-arn": ROLE}, defaults) is None


@pytest.mark.parametrize("text", ["x", "arn:aws:s3:::bucket", "arn:aws:iam::1:role/web", ROLE[:-4]])
def test_bad_role_is_refused_with_its_value(text: str) -> None:
    """A typing error is told, not ignored."""
    verdict = grant_of({"eks.amazonaws.com/role-arn": text}, Defaults())
    assert isinstance(verdict, Refusal)
    assert text in verdict.reason


def test_long_nonsense_is_cut() -> None:
    """A warning stays readable whatever the annotation holds."""
    verdict = grant_of({"eks.amazonaws.com/role-arn": "x" * 9999}, Defaults())
    assert isinstance(verdict, Refusal)
    assert len(verdict.reason) < 400


@pytest.mark.parametrize(
    ("allowed", "granted"),
    [((), True), (("111122223333",), True), (("999999999999",), False)],
    ids=["every", "own", "other"],
)
def test_roles_of_other_accounts_are_refused(allowed: tuple, granted: bool) -> None:
    """Whoever may annotate a ServiceAccount cannot send its pods to an account of their own."""
    defaults = Defaults(allowed_accounts=frozenset(allowed))
    verdict = grant_of({"eks.amazonaws.com/role-arn": ROLE}, defaults)
    assert isinstance(verdict, Grant) is granted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("600", 600),
        ("599", 600),
        ("0", 600),
        ("86401", 86400),
        ("9" * 5000, 86400),
        ("-1", 86400),
        ("1e3", 86400),
        ("", 86400),
        ("٦٠٠", 86400),
        (" 900 ", 900),
    ],
)
def test_expiration_is_a_number_within_bounds(text: str, seconds: int) -> None:
    """Whatever is annotated, the API server and AWS accept the token's life."""
    assert grant(token_expiration=text).expiration == seconds


@pytest.mark.parametrize(
    ("text", "regional"), [("true", True), ("True", True), ("false", False), ("maybe", False)]
)
def test_regional_endpoints_are_a_boolean(text: str, regional: bool) -> None:
    """Anything but a boolean means the default."""
    assert grant(sts_regional_endpoints=text).regional_sts is regional


@pytest.mark.parametrize(
    ("text", "names"), [("", set()), ("a", {"a"}), (" a ,b,,", {"a", "b"}), ('"a",b', {"a", "b"})]
)
def test_skipped_containers_are_a_list_of_names(text: str, names: set) -> None:
    """Spaces, empty parts and quotes do not matter."""
    found = skipped_containers(
        {"eks.amazonaws.com/skip-containers": text}, prefix=Defaults().prefix
    )
    assert found == names
