"""Rules over several keys."""

from collections.abc import Callable

import pytest

from irsa.config import parse

Complaints = Callable[..., list[str]]
POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
END = f"  policies: [{POLICY}]\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            POLICY,
            "arn:aws-cn:iam::aws:policy/X",
            'roles[0].policies[0]: "arn:aws-cn:iam::aws:policy/X" is of the partition aws-cn; '
            "eu-west-1 is in aws",
            id="partition",
        ),
        pytest.param(
            POLICY,
            "arn:aws:iam::444455556666:policy/X",
            'roles[0].policies[0]: "arn:aws:iam::444455556666:policy/X" is of account '
            "444455556666; a role takes policies of its own account (111122223333) and of AWS",
            id="account",
        ),
        pytest.param(
            END,
            f"{END}  permissionsBoundary: arn:aws-cn:iam::aws:policy/X\n",
            'roles[0].permissionsBoundary: "arn:aws-cn:iam::aws:policy/X" is of the partition '
            "aws-cn; eu-west-1 is in aws",
            id="boundary",
        ),
        pytest.param(
            "[shop/web]",
            "[shop/web, shop/*]",
            'roles[0].serviceAccounts[1]: "shop/*" stands for several ServiceAccounts, also for '
            "those that are made tomorrow; if that is meant, add allowWildcard: true",
            id="wildcard",
        ),
        pytest.param(
            END,
            f"{END}- serviceAccounts: [a/b, shop/web]\n",
            'roles[1].serviceAccounts[1]: "shop/web" has a role already, roles[0] on line 13; '
            "a ServiceAccount has one role",
            id="two-roles",
        ),
        pytest.param(
            END,
            f"{END}- serviceAccounts: [a/b]\n  name: PROD-eu-shop-web\n",
            'roles[1].name: the role\'s name "PROD-eu-shop-web" is that of roles[0] on line 13 '
            "too; give one of them another name",
            id="one-name-given",
        ),
        pytest.param(
            END,
            f"{END}- serviceAccounts: [a/b-c]\n- serviceAccounts: [a-b/c]\n",
            'roles[2]: the role\'s name "prod-eu-a-b-c" is that of roles[1] on line 15 too; '
            "give one of them another name",
            id="one-name-made",
        ),
        pytest.param(
            END,
            f'{END}- serviceAccounts: ["a/*"]\n  allowWildcard: true\n',
            'roles[1]: needs a name, since none can be made of "a/*"',
            id="no-name-of-a-pattern",
        ),
        pytest.param(
            "bucket: prod-eu-irsa-7f3a",
            f"bucket: prod-eu-irsa-7f3a\n  prefix: {'a' * 230}",
            'issuer.bucket: "prod-eu-irsa-7f3a" makes no issuer: ',
            id="issuer-too-long",
        ),
        pytest.param(
            "bucket: prod-eu-irsa-7f3a",
            "prefix: a",
            "issuer.bucket: is missing: publish: s3 needs it",
            id="no-bucket",
        ),
        pytest.param(
            "publish: s3\n  bucket: prod-eu-irsa-7f3a",
            "publish: directory\n  url: https://id.example.com",
            "issuer.directory: is missing: publish: directory needs it",
            id="no-directory",
        ),
        pytest.param(
            "publish: s3\n  bucket: prod-eu-irsa-7f3a",
            "publish: existing\n  url: https://id.example.com\n  namedKeys: [abc]",
            "issuer.namedKeys: has no meaning with publish: existing",
            id="existing-with-keys",
        ),
        pytest.param(
            "bucket: prod-eu-irsa-7f3a",
            "bucket: prod-eu-irsa-7f3a\n  url: https://id.example.com",
            "issuer.url: has no meaning with publish: s3",
            id="bucket-with-a-url",
        ),
        pytest.param(
            END,
            f"{END}- serviceAccounts: [shop/other]\n  management: trust-only\n",
            "roles[1].name: is missing: management: trust-only needs it",
            id="others-role-without-name",
        ),
        pytest.param(
            END,
            f"{END}- serviceAccounts: [s/o]\n  name: o\n  management: external\n  tags: {{a: b}}\n",
            "roles[1].tags: belongs to the role's owner: with management: external",
            id="others-role-with-tags",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    complaints: Complaints, old: str, new: str, said: str
) -> None:
    """With the place of the second of the two, and that of the first."""
    (line,) = complaints(old, new)
    assert said in line


def test_other_parts_are_checked_although_one_is_broken(complaints: Complaints) -> None:
    """A misspelt key elsewhere does not hide a ServiceAccount with two roles."""
    lines = complaints(END, f"{END}  polices: []\n- serviceAccounts: [shop/web, Shop/x]\n")
    assert [line.split(": ")[1] for line in lines] == [
        "roles[0].polices",
        "roles[1].serviceAccounts[0]",
        "roles[1].serviceAccounts[1]",
    ]


def test_a_pattern_with_a_name_and_leave_is_allowed(minimal: str) -> None:
    """`allowWildcard: true` is all that it takes."""
    role = '- serviceAccounts: ["a/*"]\n  allowWildcard: true\n  name: x\n'
    assert parse(minimal + role, source="irsa.yaml").roles[1].service_accounts[0].is_pattern


def test_the_issuer_is_the_given_url_where_none_follows(minimal: str) -> None:
    """A directory and an issuer that exists have no bucket to name it after."""
    issuer = "publish: directory\n  url: https://id.example.com/prod\n  directory: public"
    text = minimal.replace("publish: s3\n  bucket: prod-eu-irsa-7f3a", issuer)
    assert str(parse(text, source="irsa.yaml").issuer_url) == "https://id.example.com/prod"
