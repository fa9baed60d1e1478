"""What one value may be."""

import pytest

from irsa.config import rules

_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (rules.filled, "a b"),
        (rules.cluster_name, "Prod_eu.1-a"),
        (rules.cluster_name, "a"),
        (rules.uid, "6f0c2a0e-58b1-4c83-9a57-0d6f1f9f2b11"),
        (rules.account, "012345670123"),
        (rules.region, "us-gov-west-1"),
        (rules.region, "eusc-de-east-1"),
        (rules.bucket, "abc"),
        (rules.bucket, "a" * 63),
        (rules.bucket, "issuer.example.com"),
        (rules.bucket, "123456789"),
        (rules.prefix, ""),
        (rules.prefix, "a/b.c/~d_e-f"),
        (rules.kid, "fBkBkDvHnZLV5jg2xJ4HF0cHqnaPbGKMWFYQ6qPQrNk"),
        (rules.audience, "a" * 255),
        (rules.namespace, "a-1"),
        (rules.annotation_prefix, "eks.amazonaws.com"),
        (rules.image, "registry.example.com:5000/irsa@sha256:0123"),
        (rules.service_account, "shop/web.v1"),
        (rules.service_account, f"shop/{'a' * 90}"),
        (rules.service_account, "shop/*"),
        (rules.service_account, "team-?/*-web"),
        (rules.role_name, "a+b=c,d.e@f-g_h"),
        (rules.role_path, "/"),
        (rules.role_path, "/a/b!/"),
        (rules.policy_arn, "arn:aws:iam::aws:policy/service-role/X"),
        (rules.policy_arn, "arn:aws-cn:iam::111122223333:policy/X"),
        (rules.inline_policy, _POLICY),
        (rules.inline_policy, {**_POLICY, "Statement": {"Effect": "Deny"}}),
        (rules.tags, {f"k{n}": "v" for n in range(48)}),
        (rules.unique, ()),
        (rules.some_unique, ("a", "b")),
        (rules.issuer_url, "https://issuer.example.com/prod"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_fits_passes(rule: rules.Rule, value: object) -> None:
    """A proper value has nothing said about it."""
    assert rule(value) is None


@pytest.mark.parametrize(
    ("rule", "value", "said"),
    [
        (rules.filled, "", "is empty"),
        (rules.filled, " a", "space around it"),
        (rules.cluster_name, "prod eu", "not a cluster name"),
        (rules.cluster_name, "a" * 64, "not a cluster name"),
        (rules.cluster_name, "prod\n", "not a cluster name"),
        (rules.uid, "6F0C2A0E-58B1-4C83-9A57-0D6F1F9F2B11", "kubectl get namespace kube-system"),
        (rules.account, "11112222333", "twelve digits"),
        (rules.account, "1111-2222-3333", "twelve digits"),
        (rules.account, "١١١١٢٢٢٢٣٣٣٣", "twelve digits"),
        (rules.region, "eu-west", "not the name of an AWS region"),
        (rules.bucket, "ab", "3 to 63"),
        (rules.bucket, "a" * 64, "3 to 63"),
        (rules.bucket, "Prod", "lower-case"),
        (rules.bucket, "a_b_c", "lower-case"),
        (rules.bucket, "-abc", "letter or digit at both ends"),
        (rules.bucket, "a..b", "side by side"),
        (rules.bucket, "10.0.0.1", "IP address"),
        (rules.bucket, "xn--abc", "keeps this beginning or ending"),
        (rules.bucket, "abc-s3alias", "keeps this beginning or ending"),
        (rules.prefix, "/a", "no slash"),
        (rules.prefix, "a/", "no slash"),
        (rules.prefix, "a//b", "single slashes"),
        (rules.prefix, "a/../b", "single slashes"),
        (rules.prefix, "a b", "letters, digits"),
        (rules.kid, "a b", "not a key id"),
        (rules.audience, "", "1 to 255"),
        (rules.audience, "a b", "without space"),
        (rules.namespace, "Shop", "not a namespace"),
        (rules.namespace, "a" * 64, "not a namespace"),
        (rules.annotation_prefix, "eks.amazonaws.com/", "a DNS name"),
        (rules.image, "a b", "not the reference"),
        (rules.image, "", "not the reference"),
        (rules.service_account, "web", "namespace/name"),
        (rules.service_account, "a/b/c", "namespace/name"),
        (rules.service_account, "/web", "namespace/name"),
        (rules.service_account, "Shop/web", "no proper namespace"),
        (rules.service_account, "shop/Web", "no proper name"),
        (rules.service_account, "shop/a..b", "no proper name"),
        (rules.service_account, f"shop/{'a' * 254}", "no proper name"),
        (rules.service_account, "shop/*:x", "not a pattern"),
        (rules.role_name, "a/b", "not a role name"),
        (rules.role_name, "a" * 65, "1 to 64"),
        (rules.role_path, "a", "not a path"),
        (rules.role_path, "/a", "not a path"),
        (rules.role_path, f"/{'a' * 511}/", "not a path"),
        (rules.policy_arn, "ReadOnlyAccess", "not an ARN"),
        (rules.policy_arn, "arn:aws:s3:::bucket", "not the ARN of an IAM policy"),
        (rules.policy_arn, "arn:aws:iam::aws:role/X", "not the ARN of an IAM policy"),
        (rules.policy_arn, "arn:aws:iam::x:policy/X", "not the ARN of an IAM policy"),
        (rules.inline_policy, {}, "no Version and no Statement"),
        (rules.inline_policy, {**_POLICY, "Version": 1}, 'write Version: "2012-10-17"'),
        (rules.inline_policy, {**_POLICY, "Version": []}, 'write Version: "2012-10-17"'),
        (rules.inline_policy, {**_POLICY, "Statement": []}, "not a list of statements"),
        (rules.inline_policy, {**_POLICY, "Statement": "x"}, "not a list of statements"),
        (rules.inline_policy, {**_POLICY, "Statement": ["x" * 10_240]}, "IAM takes 10240"),
        (rules.tags, {f"k{n}": "v" for n in range(49)}, "holds 49 tags"),
        (rules.tags, {"team": "a", "Team": "b"}, 'holds "team" twice'),
        (rules.at_least_one, (), "is an empty list"),
        (rules.unique, ("a", "b", "a"), 'names "a" twice'),
        (rules.issuer_url, "https://a.example.com:8443", "is not an issuer: it names a port"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_does_not_fit_is_told_why(rule: rules.Rule, value: object, said: str) -> None:
    """A sentence says what would fit."""
    assert said in (rule(value) or "")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("", "v", "1 to 128"),
        ("k" * 129, "v", "1 to 128"),
        ("k", "v" * 257, "at most 256"),
        ("AWS:x", "v", "reserved"),
        ("irsa:cluster", "v", "reserved"),
        ("k", "a;b", "IAM refuses"),
    ],
)
def test_a_tag_that_iam_or_irsa_keeps_is_refused(key: str, value: str, said: str) -> None:
    """Length, reserved beginnings and characters."""
    assert said in (rules.tag(key, value) or "")


def test_a_proper_tag_passes() -> None:
    """Letters of any language, digits, space and IAM's signs."""
    assert rules.tag("Équipe/a:b", "x + y = z @ 1 - 2 _") is None
