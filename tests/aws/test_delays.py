"""Seen late, as in AWS: IAM by seconds, an issuer's keys by minutes."""

import pytest
from tests.aws.local_account import ACCOUNT, allow, policy, refused, trust

from irsa.identity import discovery, jwks
from irsa.identity.keys import KeyKind, SigningKey

STATEMENT = allow("s3:ListAllMyBuckets")


@pytest.fixture(name="document")
def _document(cluster):
    return trust(cluster.provider, cluster.issuer)


def test_a_new_role_is_not_there_yet(aws, iam, name, document):
    """Neither for reads nor for what is to be put on it; its name is taken at once."""
    with aws.late(iam=5):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        with refused("NoSuchEntity", saying=f"The role with name {name}"):
            iam.get_role(RoleName=name)
        with refused("NoSuchEntity", saying=f"The role with name {name}"):
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(STATEMENT))
        with refused("EntityAlreadyExists"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        with aws.clock.moved(seconds=6):
            assert iam.get_role(RoleName=name)["Role"]["RoleName"] == name


def test_a_new_role_is_not_assumed_yet(aws, cluster, iam, document):
    """STS says what it says of a role that does not exist."""
    with aws.late(iam=5):
        made = iam.create_role(RoleName=f"{cluster.name}-new", AssumeRolePolicyDocument=document)
        role = made["Role"]["Arn"]
        with refused("AccessDenied"):
            cluster.assume(RoleArn=role)
        with aws.clock.moved(seconds=6):
            assert cluster.assume(RoleArn=role)


def test_a_new_provider_is_not_found_yet(aws, cluster, iam):
    """No OpenIDConnect provider found in your account; a deleted one still is."""
    arn = cluster.provider
    with aws.late(iam=5):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        assert cluster.assume()
        with aws.clock.moved(seconds=6):
            with refused("InvalidIdentityToken", saying="No OpenIDConnect provider found"):
                cluster.assume()
            iam.create_open_id_connect_provider(
                Url=str(cluster.issuer), ClientIDList=["sts.amazonaws.com"]
            )
            with refused("InvalidIdentityToken", saying="No OpenIDConnect provider found"):
                cluster.assume()
        with aws.clock.moved(seconds=12):
            assert cluster.assume()


def test_a_deleted_role_is_still_there(aws, iam, name, document):
    """It can be read, its name is still taken; deleting it again says that it is gone."""
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    with aws.late(iam=5):
        iam.delete_role(RoleName=name)
        assert iam.get_role(RoleName=name)
        with refused("EntityAlreadyExists"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        with refused("NoSuchEntity"):
            iam.delete_role(RoleName=name)
        with aws.clock.moved(seconds=6), refused("NoSuchEntity"):
            iam.get_role(RoleName=name)


def test_a_policy_that_is_gone_still_hinders(aws, iam, name, document):
    """IAM still sees it on the role that is to be deleted."""
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(STATEMENT))
    with aws.late(iam=5):
        iam.delete_role_policy(RoleName=name, PolicyName="p")
        with refused("DeleteConflict"):
            iam.delete_role(RoleName=name)
        with aws.clock.moved(seconds=6):
            iam.delete_role(RoleName=name)


def test_a_permission_comes_and_goes_late(aws, iam, cluster):
    """Judged by what is seen at the time of the call, by S3 too."""
    s3, role = aws.client("s3", keys=cluster.session()), f"{cluster.name}-role"
    with aws.late(iam=5):
        iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy(STATEMENT))
        with refused("AccessDenied"):
            s3.list_buckets()
        with aws.clock.moved(seconds=6):
            assert s3.list_buckets()
            iam.delete_role_policy(RoleName=role, PolicyName="p")
            assert s3.list_buckets()
        with aws.clock.moved(seconds=12), refused("AccessDenied"):
            s3.list_buckets()


def test_changes_are_seen_in_their_order(aws, iam, name, document):
    """Each after its own time."""
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)

    def description():
        return iam.get_role(RoleName=name)["Role"].get("Description")

    with aws.late(iam=10):
        iam.update_role(RoleName=name, Description="one")
        with aws.clock.moved(seconds=6):
            iam.update_role(RoleName=name, Description="two")
            assert description() is None
        with aws.clock.moved(seconds=11):
            assert description() == "one"
        with aws.clock.moved(seconds=17):
            assert description() == "two"


def test_without_delays_everything_is_seen_at_once(aws, iam, name, document):
    """What was late a moment ago is seen, too."""
    with aws.late(iam=60):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    assert iam.get_role(RoleName=name)["Role"]["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:role/")


def test_what_was_refused_changes_nothing_later(aws, iam, name, document):
    """A change that does not fit what is seen is not made at all."""
    with aws.late(iam=5):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        with refused("NoSuchEntity"):
            iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "b"}])
        with aws.clock.moved(seconds=60):
            assert iam.list_role_tags(RoleName=name)["Tags"] == []


def test_sts_keeps_an_issuers_keys(aws, cluster):
    """A new key is unknown until the documents are read anew."""
    assert cluster.assume()
    with aws.late(jwks=60):
        assert cluster.assume()
        cluster.key = SigningKey.generate(KeyKind.ec_p256)
        public = (cluster.key.public,)
        cluster.publish(discovery.build(cluster.issuer, public), jwks.build(public))
        with refused("InvalidIdentityToken", saying="Couldn't retrieve verification key"):
            cluster.assume()
        with aws.clock.moved(seconds=61):
            assert cluster.assume()


def test_a_failure_to_read_is_not_kept(aws, s3, cluster):
    """The next token asks again; a document once read serves while the issuer is down."""
    saved = s3.get_object(Bucket=cluster.name, Key="keys.json")["Body"].read()
    s3.delete_object(Bucket=cluster.name, Key="keys.json")
    with aws.late(jwks=60):
        with refused("InvalidIdentityToken"):
            cluster.assume()
        s3.put_object(Bucket=cluster.name, Key="keys.json", Body=saved)
        assert cluster.assume()
        s3.delete_object(Bucket=cluster.name, Key="keys.json")
        assert cluster.assume()
