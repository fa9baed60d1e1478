"""What annotations grant."""

import pytest

from irsa.injection import grants
from irsa.injection.grants import (
    Defaults,
    Grant,
    Refusal,
    Verdict,
    session_name,
    skipped_containers,
)


def grant_of(annotations: dict, defaults: Defaults, namespace: str = "shop") -> Verdict:
    """What ServiceAccount `shop/web` grants."""
    return grants.grant_of(annotations, defaults, namespace=namespace, name="web")


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


@pytest.mark.parametrize(
    ("region", "flag", "regional"),
    [
        (None, None, False),
        ("eu-west-1", None, True),
        ("eu-west-1", False, False),
        (None, True, True),
    ],
)
def test_regional_endpoints_come_with_a_region(
    region: str | None, flag: bool | None, regional: bool
) -> None:
    """Where the region is known its own STS is used, unless somebody says otherwise."""
    defaults = Defaults(region=region, regional_sts=flag)
    verdict = grant_of({"eks.amazonaws.com/role-arn": ROLE}, defaults)
    assert isinstance(verdict, Grant)
    assert verdict.regional_sts is regional


NAMESPACES = {
    "shop": ("arn:aws:iam::111122223333:role/shop/*", ROLE),
    "*": ("arn:aws:iam::111122223333:role/common-?",),
}


@pytest.mark.parametrize(
    ("namespace", "role", "granted"),
    [
        ("shop", "shop/web", True),
        ("shop", "web", True),
        ("shop", "other/web", False),
        ("shop", "common-a", False),
        ("bank", "common-a", True),
        ("bank", "common-ab", False),
        ("bank", "web", False),
    ],
)
def test_namespace_has_the_roles_that_fit_its_patterns(
    namespace: str, role: str, granted: bool
) -> None:
    """One tenant cannot take the role of another; `*` is for the namespaces that are not named."""
    arn = f"arn:aws:iam::111122223333:role/{role}"
    defaults = Defaults(allowed_roles=NAMESPACES)
    verdict = grant_of({"eks.amazonaws.com/role-arn": arn}, defaults, namespace)
    assert isinstance(verdict, Grant if granted else Refusal)


def test_namespace_without_patterns_has_any_role() -> None:
    """Naming one namespace does not close the others."""
    defaults = Defaults(allowed_roles={"shop": ("arn:aws:iam::111122223333:role/x",)})
    assert isinstance(grant_of({"eks.amazonaws.com/role-arn": ROLE}, defaults, "bank"), Grant)


@pytest.mark.parametrize(
    ("region", "text", "arn"),
    [
        ("eu-west-1", "team/web", "arn:aws:iam::111122223333:role/team/web"),
        ("cn-north-1", "/web", "arn:aws-cn:iam::111122223333:role/web"),
        ("us-gov-west-1", "arn:aws-us-gov:iam::999999999999:role/web", None),
    ],
)
def test_name_is_completed_to_an_arn(region: str, text: str, arn: str | None) -> None:
    """With the account and the region's partition; a whole ARN stays what it is."""
    defaults = Defaults(region=region, compose_account="111122223333")
    verdict = grant_of({"eks.amazonaws.com/role-arn": text}, defaults)
    assert isinstance(verdict, Grant)
    assert verdict.role_arn == (arn or text)


@pytest.mark.parametrize(
    ("namespace", "name", "session"),
    [
        ("shop", "web", "shop.web"),
        ("n" * 30, "s" * 33, f"{'n' * 30}.{'s' * 33}"),
        ("n" * 30, "s" * 34, f"{'n' * 30}.{'s' * 24}-0640e6be"),
    ],
)
def test_session_is_named_after_the_service_account(
    namespace: str, name: str, session: str
) -> None:
    """CloudTrail shows who it was, within the 64 characters that STS takes."""
    assert session_name(namespace, name) == session
    assert len(session) <= 64


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        ({"token_expiration": "1h"}, "'1h' is not a number of seconds"),
        ({"token_expiration": "5"}, "600 is used"),
        ({"sts_regional_endpoints": "perhaps"}, "neither true nor false"),
        ({"audience": " "}, "is empty"),
        ({"token_expiration": "900", "audience": "a", "sts_regional_endpoints": "T"}, None),
    ],
)
def test_annotation_that_cannot_work_is_told(annotations: dict, told: str | None) -> None:
    """Whoever creates the pod reads what became of the annotation."""
    warnings = grant(**annotations).warnings
    assert [told in warning for warning in warnings] == ([True] if told else [])


def test_region_that_nobody_knows_yet_grants_all_the_same() -> None:
    """AWS opens regions faster than we release."""
    defaults = Defaults(region="xx-newpart-1", compose_account="111122223333")
    assert isinstance(grant_of({"eks.amazonaws.com/role-arn": "web"}, defaults), Grant)
