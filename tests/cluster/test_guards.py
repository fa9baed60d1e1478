"""Wrong cluster, wrong account, nobody there: the right exit code, and nothing half-made."""

import pytest
from tests.cluster.sites import site

pytestmark = pytest.mark.cluster

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(name="guarded")
def _guarded(rig, tmp_path):
    with site(rig, tmp_path, "guarded") as made:
        yield made


def _made(rig):
    buckets = [one["Name"] for one in rig.boto("s3").list_buckets()["Buckets"]]
    return [name for name in buckets if name.startswith("guarded")]


def test_another_cluster_is_refused(guarded, rig):
    """By its uid, before anything is read."""
    uid = "00000000-0000-4000-8000-000000000000"
    guarded.write(cluster={"name": guarded.name, "uid": uid})
    refused = guarded.irsa("apply", "--yes", check=False)
    assert refused.returncode == 3
    assert "is not 'guarded'" in refused.stderr
    assert _made(rig) == []


def test_another_account_is_refused(guarded, rig):
    """By what AWS says of the caller."""
    guarded.write(aws={"account": "999999999999", "region": "eu-west-1"})
    refused = guarded.irsa("apply", "--yes", check=False)
    assert refused.returncode == 3
    assert "the configuration says 999999999999" in refused.stderr
    assert _made(rig) == []


def test_another_partition_is_refused(guarded):
    """A region of another partition with credentials of the ordinary one."""
    account = guarded.rig.status["account"]
    guarded.write(aws={"account": account, "region": "us-gov-west-1"}, roles=[])
    refused = guarded.irsa("apply", "--yes", check=False)
    assert refused.returncode in {3, 4}
    assert "Traceback" not in refused.stderr


def test_aws_out_of_reach_is_an_aws_error(guarded):
    """With a hint at the proxy."""
    failed = guarded.irsa("apply", "--yes", check=False, HTTPS_PROXY=NOWHERE)
    assert failed.returncode == 4
    assert "sts:GetCallerIdentity could not be sent" in failed.stderr
    assert "HTTPS_PROXY" in failed.stderr


def test_no_credentials_is_an_aws_error(guarded):
    """With a hint how to configure them."""
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/nonexistent"}
    failed = guarded.irsa("plan", check=False, **none)
    assert failed.returncode == 4
    assert "no AWS credentials" in failed.stderr
    assert "configure" in failed.stderr


def test_unknown_credentials_are_an_aws_error(guarded):
    """Named as such."""
    failed = guarded.irsa("plan", check=False, AWS_ACCESS_KEY_ID="AKIAAAAAAAAAAAAAAAAA")
    assert failed.returncode == 4
    assert "does not accept the credentials" in failed.stderr


def test_a_cluster_out_of_reach_is_a_kubernetes_error(guarded, tmp_path):
    """Named by its URL."""
    text = guarded.rig.kubeconfig.read_text()
    server = guarded.rig.kube.server
    broken = tmp_path / "kubeconfig"
    broken.write_text(text.replace(server, "https://127.0.0.1:1"))
    failed = guarded.irsa("apply", "--yes", "--kubeconfig", str(broken), check=False)
    assert failed.returncode == 5
    assert "127.0.0.1:1" in failed.stderr


def test_a_bucket_of_another_account_is_refused(guarded, rig):
    """The name is taken; nothing else was made before that was seen."""
    rig.boto("s3").create_bucket(
        Bucket=guarded.bucket,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    try:
        refused = guarded.irsa("apply", "--yes", check=False)
        assert refused.returncode == 3
        assert "is somebody else's (it has no tag irsa:cluster-uid)" in refused.stderr
    finally:
        rig.boto("s3").delete_bucket(Bucket=guarded.bucket)


def test_an_account_that_forbids_public_buckets_is_refused(guarded, rig):
    """Seen before anything is made, and never switched off."""
    control, account = rig.boto("s3control"), rig.status["account"]
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    control.put_public_access_block(
        AccountId=account, PublicAccessBlockConfiguration=dict.fromkeys(names, True)
    )
    try:
        refused = guarded.irsa("apply", "--yes", check=False)
        assert refused.returncode == 3
        assert "forbids public buckets" in refused.stderr
        assert _made(rig) == []
    finally:
        control.delete_public_access_block(AccountId=account)
