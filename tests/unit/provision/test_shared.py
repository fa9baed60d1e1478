"""Providers, buckets and issuers that are somebody else's: used, and left as they are."""

import copy

import pytest
from tests.fakes.aws import Bucket
from tests.fakes.cluster import OLD_KEY, SIGNING_KEY
from tests.fakes.stage import BUCKET, make_stage

from irsa.errors import RefusedError, WebError
from irsa.identity import jwks
from irsa.provision.resource import Action
from irsa.web import Document

PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{BUCKET}.s3.eu-west-1.amazonaws.com"
OTHER_TAGS = [{"Key": "irsa:cluster-uid", "Value": "other"}]


def _wish(stage, issuer, uid=None, **sections):
    cluster = {"name": "prod-eu", "uid": uid or stage.wish.config.cluster.uid}
    stage.wish = make_stage(cluster=cluster, issuer=issuer, **sections).wish


# A provider of somebody else


@pytest.fixture(name="trusting")
def _trusting():
    """A stage that uses the provider of somebody else, with an audience of theirs."""
    stage = make_stage(issuer={"publish": "s3", "bucket": BUCKET, "provider": "shared"})
    tags = [{"Key": "team", "Value": "platform"}]
    stage.aws.providers[PROVIDER] = {"Url": "x", "ClientIDList": ["theirs"], "Tags": tags}
    return stage


def test_audiences_are_only_added_to_a_shared_provider(trusting):
    """Theirs stay, and so do the tags."""
    trusting.apply()
    assert trusting.aws.providers[PROVIDER] == {
        "Url": "x",
        "ClientIDList": ["theirs", "sts.amazonaws.com"],
        "Tags": [{"Key": "team", "Value": "platform"}],
    }
    assert trusting.plan().changes == ()


def test_a_shared_provider_is_never_removed(trusting):
    """That is said; an audience stays where it was added."""
    trusting.apply()
    before = copy.deepcopy(trusting.aws.providers)
    plan = trusting.destroy()
    assert trusting.aws.providers == before
    assert [note for note in plan.notes if "is shared, not irsa's: left alone" in note]
    assert trusting.aws.roles == {}


def test_a_shared_provider_has_to_exist(trusting):
    """It is not made by the way."""
    del trusting.aws.providers[PROVIDER]
    with pytest.raises(RefusedError, match=r"does not exist; issuer.provider: shared"):
        trusting.plan()


def test_the_provider_of_another_cluster_cannot_be_shared(trusting):
    """Clusters with one issuer could forge each other's identities."""
    trusting.aws.providers[PROVIDER]["Tags"] = OTHER_TAGS
    with pytest.raises(RefusedError, match="could forge each other's identities"):
        trusting.plan()


# A bucket of somebody else


def _prefixed(prefix):
    return {"publish": "s3", "bucket": BUCKET, "prefix": prefix, "manageBucket": False}


@pytest.fixture(name="guest")
def _guest():
    """A stage that publishes in a bucket that is not irsa's, beside another cluster."""
    stage = make_stage(issuer=_prefixed("eu"))
    stage.aws.buckets[BUCKET] = Bucket(
        tags=[{"Key": "team", "Value": "platform"}],
        policy=f'"arn:aws:s3:::{BUCKET}/eu/keys.json arn:aws:s3:::{BUCKET}/us/keys.json '
        f"arn:aws:s3:::{BUCKET}/eu/.well-known/openid-configuration "
        f'arn:aws:s3:::{BUCKET}/us/.well-known/openid-configuration"',
    )
    return stage


def _without_objects(bucket):
    return {name: value for name, value in vars(bucket).items() if name != "versions"}


def test_only_the_two_objects_are_written_into_a_shared_bucket(guest):
    """Neither its settings nor its policy nor its tags."""
    before = copy.deepcopy(_without_objects(guest.aws.buckets[BUCKET]))
    guest.apply()
    found = guest.aws.buckets[BUCKET]
    assert _without_objects(found) == before
    assert {one["Key"] for one in found.versions} == {
        "eu/keys.json",
        "eu/.well-known/openid-configuration",
    }
    assert guest.plan().changes == ()


def test_a_shared_bucket_is_never_deleted(guest):
    """Only our two objects go, whatever is asked for."""
    guest.aws.buckets[BUCKET].versions.append({"Key": "theirs", "VersionId": "v0"})
    guest.apply()
    plan = guest.destroy(delete_bucket=True)
    assert [one["Key"] for one in guest.aws.buckets[BUCKET].versions] == ["theirs"]
    assert [note for note in plan.notes if "manageBucket: false" in note]


def test_two_clusters_share_a_bucket_with_a_prefix_each(guest):
    """The end of one leaves the other's documents alone."""
    other = make_stage(issuer=_prefixed("us"))
    other.aws = guest.aws
    other.wish = make_stage(
        issuer=_prefixed("us"), cluster={"name": "prod-us", "uid": other.wish.config.cluster.uid}
    ).wish
    guest.apply()
    other.apply()
    theirs = [one for one in guest.aws.buckets[BUCKET].versions if one["Key"].startswith("us/")]
    guest.destroy()
    assert guest.aws.buckets[BUCKET].versions == theirs
    assert other.plan().changes == ()


def test_the_prefix_of_another_cluster_is_refused_and_left_alone(guest):
    """The objects say themselves whose they are."""
    guest.apply()
    guest.aws.providers.clear()
    other = make_stage(issuer=_prefixed("eu"))
    other.aws = guest.aws
    with pytest.raises(RefusedError, match="was not written by irsa for this cluster"):
        other.plan()
    before = copy.deepcopy(guest.aws.buckets[BUCKET].versions)
    assert len([one for one in other.destroy().notes if "left alone" in one]) > 2
    assert guest.aws.buckets[BUCKET].versions == before


def test_the_own_bucket_of_another_cluster_is_refused(guest):
    """Its irsa would take everything else out of the policy."""
    guest.aws.buckets[BUCKET].tags = OTHER_TAGS
    with pytest.raises(RefusedError, match="whose irsa manages it"):
        guest.plan()


def test_a_shared_bucket_has_to_exist(guest):
    """It is not made by the way."""
    del guest.aws.buckets[BUCKET]
    with pytest.raises(RefusedError, match=r"does not exist; issuer.manageBucket: false"):
        guest.plan()


def test_documents_that_nobody_may_read_are_waited_for(guest):
    """The bucket's owner has to let them be read; nothing depends on them before."""
    guest.aws.buckets[BUCKET].policy = None
    with pytest.raises(WebError, match="answers 403"):
        guest.apply()
    assert guest.aws.providers == {}


def test_documents_that_became_unreadable_are_noticed(guest):
    """At the next apply, even if there is nothing to change."""
    guest.apply()
    guest.aws.buckets[BUCKET].policy = None
    with pytest.raises(WebError, match="answers 403"):
        guest.apply()


# An issuer that exists

URL = "https://id.example.com"


class Site:
    """A web server that has published the documents long ago, in its own way."""

    def __init__(self, *keys):
        document = (
            f'{{"issuer":"{URL}","jwks_uri":"{URL}/openid/v1/jwks",'
            '"id_token_signing_alg_values_supported":["ES256"],'
            '"response_types_supported":["id_token"],"subject_types_supported":["public"]}'
        )
        self.documents = {
            f"{URL}/.well-known/openid-configuration": document.encode(),
            f"{URL}/openid/v1/jwks": jwks.build(keys),
        }

    def get(self, url):
        body = self.documents.get(url)
        status = 404 if body is None else 200
        return Document(url=url, status=status, content_type="text/plain", body=body or b"")


@pytest.fixture(name="present")
def _present():
    stage = make_stage(issuer={"publish": "existing", "url": URL})
    stage.web = Site(SIGNING_KEY.public)
    return stage


def test_nothing_is_published_for_an_issuer_that_exists(present):
    """Only the provider, the roles and the rest are made."""
    plan = present.apply()
    assert present.aws.buckets == {}
    assert {change.kind for change in plan.changes} >= {"OIDC provider", "role"}
    assert not [change for change in plan.changes if change.kind in {"bucket", "document", "file"}]
    assert present.plan().changes == ()


def test_an_existing_issuer_without_the_signing_key_gets_no_provider(present):
    """AWS would refuse the cluster's tokens."""
    present.web = Site(OLD_KEY.public)
    with pytest.raises(WebError, match=f"lacks the key {SIGNING_KEY.public.kid}"):
        present.apply()
    assert present.aws.providers == {}


def test_a_destroy_removes_nothing_of_an_existing_issuer(present):
    """The provider and the roles go."""
    present.apply()
    plan = present.destroy()
    assert present.aws.empty
    assert all(change.action is not Action.create for change in plan.changes)
