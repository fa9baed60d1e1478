"""Values against the types of the model: what is said about each misfit."""

from collections.abc import Callable

import pytest

from irsa.config import parse
from irsa.errors import ConfigError

Complaints = Callable[..., list[str]]
ACCOUNT = '  account: "111122223333"\n'
POLICIES = "  policies: [arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess]\n"
ROLE = "- serviceAccounts: [shop/web]\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "  region:",
            "  regoin: x\n  region:",
            "8: aws.regoin: there is no such key; did you mean region?",
            id="unknown-key",
        ),
        pytest.param(
            "  bucket:",
            "  manage_bucket: true\n  bucket:",
            "11: issuer.manage_bucket: there is no such key; did you mean manageBucket?",
            id="snake-case",
        ),
        pytest.param(
            "  bucket:",
            "  zzz: 1\n  bucket:",
            "11: issuer.zzz: there is no such key; known here: publish, bucket, "
            "prefix, url, directory, keysFrom, namedKeys, audiences, manageBucket, provider",
            id="nothing-like-it",
        ),
        pytest.param(ACCOUNT, "", "7: aws.account: is missing", id="missing"),
        pytest.param(
            "irsa/v1",
            "irsa/v2",
            '2: apiVersion: "irsa/v2" is not known; did you mean irsa/v1?',
            id="version",
        ),
        pytest.param("apiVersion: irsa/v1\n", "", "2: apiVersion: is missing", id="no-version"),
        pytest.param(
            "publish: s3",
            "publish: S3",
            '10: issuer.publish: "S3" is not known; did you mean s3?',
            id="enum-case",
        ),
        pytest.param(
            "publish: s3",
            "publish: [s3]",
            "10: issuer.publish: a list stands where text belongs",
            id="list-for-enum",
        ),
        pytest.param("region: eu-west-1", "region:", "8: aws.region: is empty", id="empty"),
        pytest.param(
            "name: prod-eu",
            "name: null",
            '4: cluster.name: null means nothing; "null" is the text',
            id="null-for-text",
        ),
        pytest.param(
            "name: prod-eu",
            "name: [a]",
            "4: cluster.name: a list stands where text belongs",
            id="list-for-text",
        ),
        pytest.param(
            "name: prod-eu",
            "name: {a: b}",
            "4: cluster.name: keys and values stand where text belongs",
            id="mapping-for-text",
        ),
        pytest.param(
            "[shop/web]",
            "shop/web",
            '13: roles[0].serviceAccounts: "shop/web" where a list belongs (`- …` or `[…]`)',
            id="text-for-list",
        ),
        pytest.param(
            ROLE,
            ROLE + "  maxSessionDuration: 1h\n",
            '14: roles[0].maxSessionDuration: "1h" where a whole number belongs',
            id="text-for-number",
        ),
        pytest.param(
            ROLE,
            ROLE + '  maxSessionDuration: "3600"\n',
            '14: roles[0].maxSessionDuration: "3600" where a whole number belongs',
            id="quoted-number",
        ),
        pytest.param(
            ROLE,
            ROLE + f"  maxSessionDuration: {'9' * 5000}\n",
            f'14: roles[0].maxSessionDuration: "{"9" * 255}…" where a whole number belongs',
            id="endless-number",
        ),
        pytest.param(
            ROLE,
            ROLE + "  maxSessionDuration: 43201\n",
            "14: roles[0].maxSessionDuration: 43201 is not between 3600 and 43200",
            id="too-long",
        ),
        pytest.param(
            ROLE,
            ROLE + "  allowWildcard: yes\n",
            '14: roles[0].allowWildcard: "yes" where true or false belongs',
            id="yes-for-true",
        ),
        pytest.param(
            ROLE,
            ROLE + "  tags: [a]\n",
            "14: roles[0].tags: a list stands where keys and values belong",
            id="list-for-tags",
        ),
        pytest.param(
            ROLE,
            ROLE + "  tags:\n    a.b: [1]\n",
            '15: roles[0].tags["a.b"]: a list stands where text belongs',
            id="list-for-tag",
        ),
        pytest.param(
            ROLE,
            ROLE + "  inlinePolicy: text\n",
            '14: roles[0].inlinePolicy: "text" where keys and values belong',
            id="text-for-policy",
        ),
        pytest.param(
            "  bucket:",
            "  keysFrom: sa.pub\n  bucket:",
            '11: issuer.keysFrom: "sa.pub" is neither cluster nor a list',
            id="file-without-list",
        ),
        pytest.param(
            "  bucket:",
            "  keysFrom: []\n  bucket:",
            "11: issuer.keysFrom: is an empty list",
            id="no-files",
        ),
        pytest.param(
            "  bucket:",
            "  keysFrom: {a: 1}\n  bucket:",
            "11: issuer.keysFrom: keys and values stand where text belongs",
            id="mapping-for-files",
        ),
        pytest.param(
            "[shop/web]",
            "[[shop/web]]",
            "13: roles[0].serviceAccounts[0]: a list stands where text belongs",
            id="list-for-service-account",
        ),
        pytest.param(
            ROLE + POLICIES,
            "- shop/web\n",
            '13: roles[0]: "shop/web" where keys belong: serviceAccounts, name, management, '
            "policies, inlinePolicy, path, permissionsBoundary, maxSessionDuration, tags, "
            "allowWildcard",
            id="text-for-role",
        ),
    ],
)
def test_a_misfit_is_named_with_its_place(
    complaints: Complaints, old: str, new: str, said: str
) -> None:
    """Line, path, value, and what would fit."""
    assert f"irsa.yaml:{said}" in complaints(old, new)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("publish: s3", "publish: cloudfront", "is not built yet"),
        ("roles:", "injection: {engine: policy}\nroles:", "is not built yet"),
    ],
)
def test_what_is_not_built_yet_is_refused_in_words(
    complaints: Complaints, key: str, value: str, said: str
) -> None:
    """A key that a later version will know is not called unknown."""
    (line,) = complaints(key, value)
    assert said in line


@pytest.mark.parametrize("text", ["[]", "text", "- a", "3"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    """The keys that belong there are named."""
    with pytest.raises(
        ConfigError, match=r"irsa.yaml:1: .* where keys belong: apiVersion, cluster"
    ):
        parse(text, source="irsa.yaml")


@pytest.mark.parametrize("text", ["", "# only this\n", "---\n", "~"])
def test_an_empty_document_is_refused(text: str) -> None:
    """With the line that a configuration begins with."""
    with pytest.raises(ConfigError, match="is empty; it begins with apiVersion: irsa/v1"):
        parse(text, source="irsa.yaml")


def test_aliases_that_multiply_are_stopped(complaints: Complaints) -> None:
    """A short text that stands for a billion values costs little and is refused."""
    levels = "".join(f"&a{n + 1} [{', '.join([f'*a{n}'] * 9)}], " for n in range(9))
    bomb = f"  inlinePolicy: {{Version: 2012-10-17, Statement: [&a0 [x], {levels}]}}\n"
    assert any("values once aliases are read" in line for line in complaints(ROLE, ROLE + bomb))


def test_words_and_numbers_of_a_policy_document_are_those_of_json(minimal: str) -> None:
    """Plain null, booleans and numbers; quoted ones, and what JSON would not take, are text."""
    values = "{a: null, b: true, c: 10, d: 1.5, e: '10', f: 010, g: 1e400, h: yes, i: -0}"
    policy = f"  inlinePolicy: {{Version: 2012-10-17, Statement: [{values}]}}\n"
    found = parse(minimal.replace(ROLE, ROLE + policy), source="irsa.yaml").roles[0].inline_policy
    assert (found or {})["Statement"] == [
        {"a": None, "b": True, "c": 10, "d": 1.5, "e": "10"}
        | {"f": "010", "g": "1e400", "h": "yes", "i": 0}
    ]
