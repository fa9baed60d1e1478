"""What is somebody else's in the account is the same bytes before and after; nothing gets lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cluster.sites import POLICY, Site, site

from irsa.identity import discovery, jwks
from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY, IssuerUrl
from irsa.identity.keys import KeyKind, SigningKey

pytestmark = pytest.mark.cluster

BUCKET = "others-bucket"
ROLE = "others-role"
HOST = f"{BUCKET}.s3.eu-west-1.amazonaws.com"
WRITES = ("Create", "Put", "Update", "Delete", "Attach", "Detach", "Add", "Remove", "Tag", "Untag")


@pytest.fixture(name="account", scope="module")
def _account(rig):
    """A bucket, a provider and a role that somebody made by hand."""
    s3, iam = rig.boto("s3"), rig.boto("iam")
    arn = f"arn:aws:iam::{rig.status['account']}:oidc-provider/{HOST}/eu"
    _make_bucket(s3)
    with _documents(s3):
        _make_provider(iam)
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [trust | {"Action": "sts:AssumeRole"}]}
    iam.create_role(
        RoleName=ROLE,
        AssumeRolePolicyDocument=json.dumps(document),
        Description="made by hand",
        Tags=[{"Key": "team", "Value": "shop"}],
    )
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=POLICY)
    yield lambda: _everything(rig, arn)
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=POLICY)
    iam.delete_role(RoleName=ROLE)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    s3.delete_object(Bucket=BUCKET, Key="theirs.txt")
    s3.delete_bucket(Bucket=BUCKET)


@contextmanager
def _documents(s3):
    """IAM looks at an issuer's documents when its provider is made; later they are irsa's."""
    keys = (SigningKey.generate(KeyKind.ec_p256).public,)
    issuer = IssuerUrl.parse(f"https://{HOST}/eu")
    bodies = {DISCOVERY_KEY: discovery.build(issuer, keys), JWKS_KEY: jwks.build(keys)}
    for key, body in bodies.items():
        s3.put_object(Bucket=BUCKET, Key=f"eu/{key}", Body=body, ContentType="application/json")
    yield
    for key in bodies:
        s3.delete_object(Bucket=BUCKET, Key=f"eu/{key}")


def _make_provider(iam):
    iam.create_open_id_connect_provider(
        Url=f"https://{HOST}/eu",
        ClientIDList=["others", "sts.amazonaws.com"],
        Tags=[{"Key": "team", "Value": "platform"}],
    )


def _make_bucket(s3):
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "team", "Value": "platform"}]})
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True}
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
    public = {
        "Sid": "Everybody",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{BUCKET}/{prefix}/*" for prefix in ("eu", "us")],
    }
    policy = {"Version": "2012-10-17", "Statement": [public]}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    s3.put_object(Bucket=BUCKET, Key="theirs.txt", Body=b"theirs")


def _everything(rig, arn):
    """All that can be read of them, our own objects aside."""
    s3, iam = rig.boto("s3"), rig.boto("iam")
    objects = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    found = {
        "role": iam.get_role(RoleName=ROLE)["Role"],
        "policies": iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"],
        "inline": iam.list_role_policies(RoleName=ROLE)["PolicyNames"],
        "provider": iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn),
        "bucket tags": s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"],
        "bucket policy": s3.get_bucket_policy(Bucket=BUCKET)["Policy"],
        "bucket block": s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"],
        "bucket versioning": s3.get_bucket_versioning(Bucket=BUCKET).get("Status"),
        "objects": [(one["Key"], one["ETag"]) for one in objects if "/" not in one["Key"]],
    }
    found["provider"].pop("ResponseMetadata")
    found["role"].pop("RoleLastUsed", None)
    return json.dumps(found, default=str, sort_keys=True)


def _issuer(prefix, **more):
    return {
        "publish": "s3",
        "bucket": BUCKET,
        "prefix": prefix,
        "manageBucket": False,
    } | more


def _role(name):
    return {"serviceAccounts": [f"shop/{name}"], "name": ROLE, "management": "trust-only"}


def _without_our_statement(text):
    found = json.loads(text)
    statements = found["role"]["AssumeRolePolicyDocument"]["Statement"]
    found["role"]["AssumeRolePolicyDocument"]["Statement"] = [
        one for one in statements if not one.get("Sid", "").startswith("Irsa")
    ]
    return json.dumps(found, sort_keys=True), len(statements)


def test_nothing_of_others_changes_but_for_one_statement(rig, account, tmp_path):
    """After an apply the role has it; after a destroy not a byte is another than before."""
    before = account()
    issuer = _issuer("eu", provider="shared")
    with site(rig, tmp_path, "others", issuer=issuer, roles=[_role("others")]) as made:
        made.apply()
        assert _without_our_statement(account()) == (before, 2)
        assert made.plan()["changes"] == []
        made.destroy("--override", "issuer-in-use", "--reason", "it is only tried")
        assert account() == before


def _half(rig, directory, name, *, uid, prefix):
    """The AWS half of another cluster, that needs nothing but its public key."""
    rig.env["IRSA_TEST_ACCOUNT"] = rig.status["account"]
    keys = directory / name
    keys.mkdir()
    rig.irsa("keys", "create", "--type", "ec-p256", "--out", str(keys))
    issuer = _issuer(prefix) | {"keysFrom": ["sa.pub"]}
    if prefix == "eu":
        issuer["provider"] = "shared"
    sections = {
        "cluster": {"name": "twin", "uid": uid},
        "issuer": issuer,
        "roles": [_role(name)],
    }
    made = Site(rig=rig, name="twin", file=keys / "irsa.yaml", sections=sections)
    made.write()
    return made


def _destroy(half):
    gates = [word for gate in ("pods-in-use", "issuer-in-use") for word in ("--override", gate)]
    sure = ("--confirm-name", "twin", "--reason", "they are no clusters")
    half.irsa("destroy", "--only", "aws", *sure, *gates)


def test_two_clusters_at_once_lose_nothing_and_a_third_writes_nothing(rig, account, tmp_path):
    """Every key is published, both statements are in the role; the uid decides, not the name."""
    before = account()
    uids = [f"{number}{number}{number}{number}0000-0000-4000-8000-000000000000" for number in "123"]
    first, second, third = (
        _half(rig, tmp_path, f"half-{number}", uid=uid, prefix=prefix)
        for number, (uid, prefix) in enumerate(zip(uids, ("eu", "us", "us"), strict=True))
    )
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: one.irsa("apply", "--yes", "--only", "aws"), (first, second)))
    assert _without_our_statement(account()) == (before, 3)
    planned = second.irsa("plan", "--only", "aws", "--output", "json")
    assert json.loads(planned.stdout)["changes"] == []
    seen = len(_calls(rig))
    assert third.irsa("apply", "--yes", "--only", "aws", check=False).returncode == 3
    _destroy(third)
    calls = _calls(rig)[seen:]
    assert len(calls) > 5
    assert [one for one in calls if one["operation"].startswith(WRITES)] == []
    _destroy(first)
    _destroy(second)
    assert account() == before


def _calls(rig):
    return [json.loads(line) for line in Path(rig.status["aws"]["log"]).read_text().splitlines()]
