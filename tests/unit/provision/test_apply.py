"""A whole apply and a whole destroy, in memory."""

from irsa.kube.objects import Ref


def test_a_second_plan_is_empty(stage):
    """What was applied is exactly what was wished for."""
    stage.apply()
    again = stage.plan()
    assert again.changes == ()
    assert again.notes == ()


def test_everything_is_made(stage):
    """Bucket, provider, roles, annotations and the webhook exist afterwards."""
    stage.apply()
    account = stage.kube.get(Ref("v1", "ServiceAccount", "web", "shop"))
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].endswith("-shop-web")
    assert set(stage.aws.roles) == {"prod-eu-shop-web", "prod-eu-shop-worker"}
    assert len(stage.aws.providers) == 1


def test_a_destroy_leaves_nothing(stage):
    """AWS is empty, and the cluster is as it was."""
    before = {str(ref) for ref in stage.kube._objects}
    stage.apply()
    stage.destroy()
    assert stage.aws.empty
    assert {str(ref) for ref in stage.kube._objects} == before
    assert stage.plan_removal().changes == ()
