"""`irsa init`, on clusters and accounts in memory."""

import io
import json
import stat

import pytest
from tests.fakes.aws import ACCOUNT, REGION, FakeAws, FakeWeb
from tests.fakes.cluster import SIGNING_KEY, FakeCluster
from tests.fakes.stage import Stage

from irsa import config as configuration
from irsa.aws.call import Call
from irsa.aws.client import Identity
from irsa.cli import composing, main, session
from irsa.errors import KubeError
from irsa.identity import discovery, jwks
from irsa.identity.issuer import IssuerUrl
from irsa.kube.client import Kube
from irsa.provision import desired
from irsa.provision import plan as planning
from irsa.provision.desired import Wish
from irsa.provision.observe import observe
from irsa.provision.world import World
from irsa.web import Document

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
EKS = "https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF"
OWN = "https://oidc.example.com/prod"


class Surroundings:
    """A cluster and an account, and `irsa init` between them."""

    def __init__(self, directory, monkeypatch):
        self.directory = directory
        self.file = directory / "irsa.yaml"
        self.kube = FakeCluster()
        self.kube.put("v1", "ServiceAccount", "default", metadata={"namespace": "kube-system"})
        self.kube.put("v1", "Namespace", "shop")
        self.aws = FakeAws()
        self.web = FakeWeb(self.aws)
        self.names = ("prod-eu-admin", "prod-eu")
        self.region = REGION
        self.profiles = []
        monkeypatch.setattr(Kube, "open", lambda **_: self.kube)
        monkeypatch.setattr("irsa.aws.client.Aws.open", self._open_aws)
        monkeypatch.setattr("irsa.aws.client.configured_region", lambda _: self.region)
        monkeypatch.setattr("irsa.kube.locate.names", lambda *_, **__: self.names)
        monkeypatch.setattr(session, "open_web", lambda: self.web)
        monkeypatch.delenv("AWS_REGION", raising=False)
        monkeypatch.setattr("sys.stdin", io.StringIO())

    def _open_aws(self, *, region, profile):
        self.profiles.append((region, profile))
        return self.aws

    def init(self, *options):
        return main(["init", "--config", str(self.file), *options])

    def config(self):
        return configuration.parse(self.file.read_text(), source="irsa.yaml")

    def publish(self, url, keys=(SIGNING_KEY.public,)):
        """Sign with a public issuer, whose documents the world can read."""
        issuer = IssuerUrl.parse(url)
        self.kube.sign_with(url)
        documents = {
            issuer.discovery_url: discovery.build(issuer, keys),
            issuer.jwks_url: jwks.build(keys),
        }
        self.web = _Web(documents)


class _Web(FakeWeb):
    def __init__(self, documents):
        self._documents = documents

    def get(self, url):
        body = self._documents.get(url)
        status = 404 if body is None else 200
        return Document(url=url, status=status, content_type="application/json", body=body or b"")


@pytest.fixture(name="world")
def _world(tmp_path, monkeypatch):
    return Surroundings(tmp_path, monkeypatch)


@pytest.fixture(name="types")
def _types(monkeypatch):
    terminal = type("Terminal", (io.StringIO,), {"isatty": lambda _: True})
    return lambda *lines: monkeypatch.setattr(
        "sys.stdin", terminal("".join(f"{x}\n" for x in lines))
    )


def test_what_is_known_is_written_and_the_rest_suggested(world):
    """Every value explicit."""
    assert world.init("--yes") == 0
    found = world.config()
    assert found.cluster.name == "prod-eu"
    assert found.cluster.uid == world.kube.cluster_uid()
    assert found.cluster.context == "prod-eu-admin"
    assert (found.aws.account, found.aws.region, found.aws.profile) == (ACCOUNT, REGION, None)
    assert found.issuer.bucket.startswith("prod-eu-irsa-")
    assert found.injection.engine == "webhook"
    assert found.roles == ()
    assert "auto" not in world.file.read_text()


def test_options_decide(world):
    """Each says what it says, and nothing is asked."""
    policy = world.directory / "policy.json"
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*"}]}
    policy.write_text(json.dumps(document))
    code = world.init(
        *("--name", "trial", "--bucket", "trial-issuer", "--region", "us-east-2"),
        *("--service-account", "shop/web", "--service-account", "default/job"),
        *("--policy", READ_ONLY, "--inline-policy", str(policy), "--profile", "ops"),
        *("--host-network", "--port", "19443", "--replicas", "3"),
    )
    assert code == 0
    found = world.config()
    assert (found.cluster.name, found.issuer.bucket) == ("trial", "trial-issuer")
    assert (found.aws.region, found.aws.profile) == ("us-east-2", "ops")
    assert world.profiles == [("us-east-2", "ops")]
    webhook = found.injection.webhook
    assert (webhook.host_network, webhook.port, webhook.replicas) == (True, 19443, 3)
    assert [str(role.service_accounts[0]) for role in found.roles] == ["shop/web", "default/job"]
    assert all(role.policies == (READ_ONLY,) for role in found.roles)
    assert all(role.inline_policy == document for role in found.roles)


def test_what_is_written_can_be_planned(world):
    """And applied; the plan after that is empty."""
    world.init("--yes", "--service-account", "shop/web", "--policy", READ_ONLY)
    wish = Wish(config=world.config(), keys=(SIGNING_KEY.public,))
    stage = Stage(wish=wish, aws=world.aws, kube=world.kube)
    stage.apply()
    assert not stage.plan().changes


def test_an_existing_issuer_can_be_planned(world):
    """Nothing of the issuer is made; the provider, the role and the rest are."""
    world.publish(OWN)
    world.init("--yes", "--service-account", "shop/web")
    wish = Wish(config=world.config(), keys=(SIGNING_KEY.public,))
    where = World(aws=world.aws, kube=world.kube, web=world.web, say=lambda _: None)
    plan = planning.build(observe(desired.desired(wish), where), checks=desired.checks(wish))
    steps = [step for one in plan.changes for step in one.steps]
    called = {step.name for step in steps if isinstance(step, Call)}
    assert {"iam:CreateOpenIDConnectProvider", "iam:CreateRole"} <= called
    assert not any(name.startswith("s3:") for name in called)


def test_a_role_that_somebody_else_gave_is_seen(world, capsys):
    """A plan would refuse it; the annotation that irsa made itself is fine."""
    annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/theirs"}
    world.kube.put(
        "v1", "ServiceAccount", "web", metadata={"namespace": "shop", "annotations": annotations}
    )
    assert world.init("--yes", "--service-account", "shop/web") == 65
    assert "has the role arn:aws:iam::1:role/theirs already" in capsys.readouterr().err
    labels = {"irsa/cluster-uid": world.kube.cluster_uid()}
    world.kube.put("v1", "ServiceAccount", "web", metadata={"namespace": "shop", "labels": labels})
    assert world.init("--yes", "--service-account", "shop/web") == 0


def test_without_a_terminal_the_missing_options_are_named(world, capsys):
    """With good values for them, and nothing is written."""
    assert world.init() == 65
    said = capsys.readouterr().err
    assert "there is no terminal to ask on; missing: --name, --bucket" in said
    assert "add --name prod-eu --bucket prod-eu-irsa-" in said
    assert not world.file.exists()


def test_a_region_that_nobody_knows_is_missing_too(world, capsys):
    """AWS cannot be asked without one."""
    world.region = None
    world.names = ("kubernetes-admin@kubernetes", "kubernetes")
    assert world.init("--yes") == 65
    said = capsys.readouterr().err
    assert "no good value for --region, --name, --bucket can be found out" in said
    assert world.profiles == []


def test_the_region_of_the_environment_goes_first(world, monkeypatch):
    """As for the SDKs that read AWS_REGION."""
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    world.init("--yes")
    assert world.config().aws.region == "eu-north-1"


def test_nodes_in_aws_know_the_region(world):
    """Where nothing else does."""
    world.region = None
    world.kube.put(
        "v1",
        "Node",
        "n1",
        metadata={"labels": {"topology.kubernetes.io/region": "ap-south-1"}},
        spec={"providerID": "aws:///ap-south-1a/i-1"},
    )
    world.init("--yes")
    assert world.config().aws.region == "ap-south-1"
    assert world.config().injection.webhook.replicas == 1


def test_on_a_terminal_the_rest_is_asked(world, types):
    """With suggestions, and wrong answers are asked for again."""
    types(
        "", "Bad_Bucket", "my-issuer", "nowhere/web", "shop", "shop/*", "shop/web", "x", READ_ONLY
    )
    assert world.init() == 0
    found = world.config()
    assert (found.cluster.name, found.issuer.bucket) == ("prod-eu", "my-issuer")
    assert [str(role.service_accounts[0]) for role in found.roles] == ["shop/web"]
    assert found.roles[0].policies == (READ_ONLY,)


def test_on_a_terminal_a_role_may_wait(world, types):
    """Return means none yet."""
    types("", "", "")
    assert world.init() == 0
    assert world.config().roles == ()


def test_leaving_in_the_middle_writes_nothing(world, types):
    """As Ctrl-C or Ctrl-D do."""
    types("")
    assert world.init() == 130
    assert not world.file.exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--name", "-x-"), "--name: '-x-' is not a cluster name"),
        (("--bucket", "My Bucket"), "--bucket: 'My Bucket' is not a bucket name"),
        (("--bucket", "xn--a"), "S3 keeps this beginning or ending for itself"),
        (("--region", "mars"), "--region: 'mars' is not the name of an AWS region"),
        (("--service-account", "web"), "write it as namespace/name"),
        (("--service-account", "shop/*"), "allowWildcard: true"),
        (("--service-account", "nowhere/web"), "kubectl create namespace nowhere"),
        (("--policy", READ_ONLY), "--policy is for the role of a ServiceAccount"),
        (("--engine", "magic"), "injection.engine"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_option_is_refused(world, options, complaint, capsys):
    """With the reason, before anything is written."""
    assert world.init("--yes", *options) == 65
    assert complaint in " ".join(capsys.readouterr().err.split())
    assert not world.file.exists()


@pytest.mark.parametrize(
    ("arn", "complaint"),
    [
        ("nonsense", "is not an ARN"),
        ("arn:aws-cn:iam::aws:policy/ReadOnlyAccess", "is of the partition aws-cn"),
        ("arn:aws:iam::999999999999:policy/theirs", "is of account 999999999999"),
    ],
    ids=["no-arn", "partition", "account"],
)
def test_a_policy_that_the_role_cannot_have_is_refused(world, arn, complaint, capsys):
    """IAM would say so much later."""
    assert world.init("--yes", "--service-account", "shop/web", "--policy", arn) == 65
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("{", "is not JSON"), ("[]", "is no JSON object"), ("{}", "has no Version")],
    ids=["json", "object", "policy"],
)
def test_a_wrong_policy_document_is_refused(world, text, complaint, capsys):
    """Before anything is written."""
    policy = world.directory / "policy.json"
    policy.write_text(text)
    options = ("--service-account", "shop/web", "--inline-policy", str(policy))
    assert world.init("--yes", *options) == 65
    assert complaint in capsys.readouterr().err
    assert not world.file.exists()


def test_a_file_is_never_overwritten(world, capsys):
    """Nobody is asked in vain either: the cluster is not even looked at."""
    world.file.write_text("mine")
    world.kube.requests.clear()
    assert world.init("--yes") == 65
    assert "never overwritten" in capsys.readouterr().err
    assert world.file.read_text() == "mine"
    assert world.kube.requests == []


def test_a_file_that_appears_meanwhile_is_not_overwritten(world, monkeypatch):
    """Whoever was first keeps it."""
    compose = composing.Composer.compose

    def and_meanwhile(self, path):
        text = compose(self, path)
        path.write_text("mine")
        return text

    monkeypatch.setattr(composing.Composer, "compose", and_meanwhile)
    assert world.init("--yes") == 65
    assert world.file.read_text() == "mine"


def test_a_directory_must_exist(world, capsys):
    """It is not made by the way."""
    world.file = world.directory / "nowhere" / "irsa.yaml"
    assert world.init("--yes") == 65
    assert "there is no directory" in capsys.readouterr().err


def test_the_file_is_for_everybody_to_read(world):
    """There is nothing secret in it."""
    world.init("--yes")
    assert stat.S_IMODE(world.file.stat().st_mode) == 0o644


def test_editors_find_the_schema_that_is_there(world):
    """Where there is none, the file says how to get it."""
    world.init("--yes")
    assert world.file.read_text().startswith("# Editors complete and check this file after:")
    world.file.unlink()
    (world.directory / "irsa.schema.json").write_text("{}")
    world.init("--yes")
    first = world.file.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=irsa.schema.json"


def test_a_public_issuer_stays(world, capsys):
    """Nothing has to change for it, and nothing is published."""
    world.publish(OWN)
    assert world.init("--yes") == 0
    assert "nothing has to change for the issuer" in capsys.readouterr().err
    issuer = world.config().issuer
    assert (issuer.publish, issuer.url, issuer.provider) == ("existing", OWN, "managed")
    assert world.config().injection.engine == "webhook"


def test_a_provider_of_somebody_else_is_shared(world):
    """Such as the one that Terraform made."""
    world.publish(OWN)
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.com/prod"
    world.aws.providers[arn] = {"Url": OWN, "ClientIDList": [], "Tags": []}
    world.init("--yes")
    assert world.config().issuer.provider == "shared"


def test_a_public_issuer_without_the_signing_key_does_not_do(world, capsys):
    """AWS would refuse every token."""
    other = type(SIGNING_KEY).generate("ec-p256").public
    world.publish(OWN, keys=(other,))
    world.init("--yes")
    assert "AWS cannot use it" in capsys.readouterr().err
    assert world.config().issuer.publish == "s3"


def test_who_names_a_bucket_wants_a_new_issuer(world):
    """Although the present one would do."""
    world.publish(OWN)
    world.init("--yes", "--bucket", "my-issuer")
    assert world.config().issuer.bucket == "my-issuer"


def test_a_bucket_of_an_earlier_configuration_is_found_again(world, capsys):
    """Whoever lost the file gets it back: bucket and prefix are those of the issuer in force."""
    world.init("--yes")
    stage = Stage(
        wish=Wish(config=world.config(), keys=(SIGNING_KEY.public,)), aws=world.aws, kube=world.kube
    )
    stage.apply()
    before = world.config()
    world.kube.sign_with(str(before.issuer_url))
    world.file.unlink()
    capsys.readouterr()
    assert world.init("--yes") == 0
    assert world.config() == before
    assert "it is this cluster's bucket already" in capsys.readouterr().err


def test_somebody_elses_bucket_is_an_existing_issuer(world):
    """Without this cluster's tags it is not irsa's to change."""
    world.publish(f"https://theirs.s3.{REGION}.amazonaws.com")
    world.init("--yes")
    assert world.config().issuer.publish == "existing"


def test_eks_has_it_all(world, capsys):
    """Its issuer is used, and nothing is installed; not even a closed network matters."""
    world.kube.sign_with(EKS)
    world.web = _Web({})
    assert world.init("--yes") == 0
    assert "this is EKS: IRSA is there already" in capsys.readouterr().err
    found = world.config()
    assert (found.issuer.publish, found.issuer.url) == ("existing", EKS)
    assert found.injection.engine == "none"


def test_a_new_issuer_for_eks_is_refused(world, capsys):
    """Nobody could bring it into force."""
    world.kube.sign_with(EKS)
    assert world.init("--yes", "--bucket", "my-issuer") == 3
    assert "its issuer cannot be changed" in capsys.readouterr().err


def test_a_managed_cluster_with_a_private_issuer_is_refused(world, capsys):
    """Only its provider can change that."""
    world.kube.documents["/version"] = b'{"gitVersion": "v1.33.1-gke.100"}'
    assert world.init("--yes") == 3
    assert "the API servers are run by GKE" in capsys.readouterr().err


def _register(world, name, labels=None):
    world.kube.put(
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        name,
        metadata={"labels": labels or {}},
    )


def test_another_pod_identity_webhook_is_left_to_work(world, capsys):
    """Two of them would patch the same pods."""
    _register(world, "pod-identity-webhook")
    world.init("--yes")
    assert world.config().injection.engine == "none"
    assert "irsa installs no webhook" in capsys.readouterr().err


def test_another_pod_identity_webhook_can_be_replaced(world, capsys):
    """Whoever says so is told what is left to do."""
    _register(world, "pod-identity-webhook")
    world.init("--yes", "--engine", "webhook")
    assert world.config().injection.engine == "webhook"
    assert "take it away" in capsys.readouterr().err


def test_other_webhooks_and_ours_do_not_matter(world):
    """Only those that do the same."""
    _register(world, "istio-sidecar-injector")
    _register(world, "irsa-pod-identity-webhook", {"irsa/cluster-uid": "x"})
    world.init("--yes")
    assert world.config().injection.engine == "webhook"


def test_what_may_not_be_read_is_said(world, capsys):
    """And goes unknown; what has to be known is known all the same."""
    forbidden = (
        "/nodes",
        "/pods",
        "/namespaces",
        "/mutatingwebhookconfigurations",
        "-configuration",
    )

    def refuse(_, path):
        if path.endswith(forbidden):
            return KubeError("not allowed", status=403, reason="Forbidden")
        return None

    world.kube.refuse = refuse
    assert world.init("--yes", "--service-account", "unseen/web") == 0
    said = capsys.readouterr().err
    for what in ("Nodes", "API servers", "namespaces", "the present issuer", "admission webhooks"):
        assert f"could not be read: {what}: not allowed" in said


def test_an_issuer_that_makes_no_sense_is_said(world, capsys):
    """Somebody's proxy may answer in the API server's place."""
    world.kube.documents["/.well-known/openid-configuration"] = b"<html>"
    assert world.init("--yes") == 0
    assert "could not be read: the present issuer:" in capsys.readouterr().err


def test_a_service_account_that_may_not_be_read_is_taken_as_it_is(world):
    """A plan says so, if it matters."""
    world.kube.refuse = lambda _, path: (
        KubeError("no", status=403) if path.endswith("serviceaccounts/web") else None
    )
    assert world.init("--yes", "--service-account", "shop/web") == 0


def test_a_provider_that_may_not_be_read_is_not_known(world):
    """A plan says so, if it matters."""
    world.publish(OWN)
    world.aws.denied.add("iam:GetOpenIDConnectProvider")
    assert world.init("--yes") == 0
    assert world.config().issuer.provider == "managed"


def test_a_cluster_that_does_not_answer_is_an_error(world):
    """Not a cluster of which nothing is known."""
    world.kube.refuse = lambda _, path: KubeError("no answer") if "nodes" in path else None
    assert world.init("--yes") == 5
    assert not world.file.exists()


def test_keys_are_looked_for_where_they_can_be_reached(world):
    """API servers may be out of reach one by one, behind a load balancer."""
    world.publish(OWN)
    world.kube.put(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "kubernetes",
        metadata={"namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}},
        endpoints=[{"addresses": ["10.0.0.1"]}],
        ports=[{"port": 6443}],
    )
    reach = world.kube.at

    def at(url, **options):
        if "10.0.0.1" in url:
            raise KubeError("out of reach")
        return reach(url, **options)

    world.kube.at = at
    world.init("--yes")
    assert world.config().issuer.publish == "existing"


def test_a_cluster_that_mints_no_token_has_no_public_issuer(world):
    """Nothing can be said of its documents."""
    world.publish(OWN)
    world.kube.refuse = lambda _, path: (
        KubeError("no", status=403) if path.endswith("/token") else None
    )
    world.init("--yes")
    assert world.config().issuer.publish == "s3"


def test_credentials_of_another_partition_are_refused(world, monkeypatch, capsys):
    """What was written could never be applied."""
    who = Identity(account=ACCOUNT, arn="arn:aws-cn:iam::1:user/x", partition="aws-cn")
    monkeypatch.setattr(world.aws, "identity", lambda: who)
    assert world.init("--yes") == 3
    assert "belong to the partition aws-cn" in capsys.readouterr().err


def test_differences_between_api_servers_are_said(world, capsys):
    """A plan refuses to guess, so that they are better known early."""
    world.kube.put(
        "v1",
        "Pod",
        "kube-apiserver-a",
        metadata={"namespace": "kube-system", "labels": {"component": "kube-apiserver"}},
        spec={"nodeName": "a", "containers": [{"name": "kube-apiserver", "command": []}]},
    )
    label = {"node-role.kubernetes.io/control-plane": ""}
    for name in ("a", "b"):
        world.kube.put("v1", "Node", name, metadata={"labels": label})
    world.init("--yes")
    assert "node b has no API server pod" in capsys.readouterr().err
