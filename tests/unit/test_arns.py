import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa import arns
from irsa.arns import PARTITIONS, Arn, RoleArn, is_account, partition_of
from irsa.errors import InputError

NAMES = st.from_regex(r"[\w+=,.@-]{1,64}", fullmatch=True).filter(str.isascii)
PATHS = st.lists(st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True), max_size=3).map(
    lambda parts: "/".join(["", *parts, ""])
)
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True).filter(str.isascii)
WORLDS = st.sampled_from([partition.name for partition in PARTITIONS])


@given(partition=WORLDS, account=ACCOUNTS, path=PATHS, name=NAMES)
def test_writing_and_parsing_a_role_are_inverse(
    partition: str, account: str, path: str, name: str
) -> None:
    """Whatever its partition, path and name."""
    role = RoleArn(partition=partition, account=account, path=path, name=name)
    assert RoleArn.parse(str(role)) == role


@given(partition=WORLDS, resource=st.text(min_size=1, max_size=20))
def test_writing_and_parsing_an_arn_are_inverse(partition: str, resource: str) -> None:
    """The resource may hold colons itself."""
    arn = Arn(partition=partition, service="s3", region="r", account="a", resource=resource)
    assert Arn.parse(str(arn)) == arn


REGIONS = {
    "eu-west-1": ("aws", "amazonaws.com"),
    "us-east-1": ("aws", "amazonaws.com"),
    "mx-central-1": ("aws", "amazonaws.com"),
    "ap-southeast-10": ("aws", "amazonaws.com"),
    "cn-north-1": ("aws-cn", "amazonaws.com.cn"),
    "us-gov-west-1": ("aws-us-gov", "amazonaws.com"),
    "eusc-de-east-1": ("aws-eusc", "amazonaws.eu"),
    "us-iso-east-1": ("aws-iso", "c2s.ic.gov"),
    "us-isob-east-1": ("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-west-1": ("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-south-1": ("aws-iso-f", "csp.hci.ic.gov"),
}


@pytest.mark.parametrize(("region", "world"), REGIONS.items(), ids=REGIONS.keys())
def test_a_region_belongs_to_one_partition(region: str, world: tuple[str, str]) -> None:
    """Found by the region's name: two partitions share a DNS suffix."""
    partition = partition_of(region)
    assert (partition.name, partition.dns_suffix) == world
    assert sum(bool(one.regions.fullmatch(region)) for one in PARTITIONS) == 1


@pytest.mark.parametrize("region", ["", "eu-west", "EU-WEST-1", "xx-west-1", "eu-west-1a"])
def test_what_is_no_region_is_refused(region: str) -> None:
    """With the value."""
    with pytest.raises(InputError, match=f"'{region}' is not the name of an AWS region"):
        partition_of(region)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("012345678901", True),
        ("12345678901", False),
        ("1234567890123", False),
        ("1111-2222-33", False),
        ("", False),
        ("١٢٣٤٥٦٧٨٩٠١٢", False),
        ("111122223333\n", False),
    ],
    ids=range(7),
)
def test_an_account_is_twelve_digits(text: str, right: bool) -> None:
    """A leading zero counts; other alphabets' digits do not."""
    assert is_account(text) is right


WRONG_ARNS = [
    "",
    "arn:aws:iam::111122223333",
    "arn:amazon:iam::111122223333:role/x",
    "urn:aws:iam::111122223333:role/x",
    "arn:aws:iam::111122223333:",
]


@pytest.mark.parametrize("text", WRONG_ARNS)
def test_what_is_no_arn_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(InputError, match="is not an ARN") as caught:
        Arn.parse(text)
    assert caught.value.hint


WRONG_ROLES = [
    "arn:aws:iam::111122223333:user/x",
    "arn:aws:iam::1111:role/x",
    "arn:aws:iam:eu-west-1:111122223333:role/x",
    "arn:aws:sts::111122223333:role/x",
    "arn:aws:iam::111122223333:role/",
    "arn:aws:iam::111122223333:role/a b",
    f"arn:aws:iam::111122223333:role/{'x' * 65}",
    "arn:aws:iam::111122223333:role/bücher",
]


@pytest.mark.parametrize("text", WRONG_ROLES)
def test_what_is_no_role_is_refused(text: str) -> None:
    """Other ARNs, and names that IAM does not take."""
    with pytest.raises(InputError, match="is not the ARN of an IAM role"):
        RoleArn.parse(text)


def test_the_arns_that_are_built() -> None:
    """Provider, bucket and object, each in its partition."""
    assert (
        arns.provider_arn("aws-cn", "111122223333", "a.example/b")
        == "arn:aws-cn:iam::111122223333:oidc-provider/a.example/b"
    )
    assert arns.bucket_arn("aws", "b") == "arn:aws:s3:::b"
    assert arns.bucket_arn("aws", "b", "keys.json") == "arn:aws:s3:::b/keys.json"
