"""The webhook engine's objects, as they are applied."""

import os
from io import StringIO
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML

from irsa.cli.app import app
from irsa.config import parse
from irsa.injection.webhook import TLS_SECRET, WebhookSettings, objects

GOLDEN = Path(__file__).parents[2] / "golden" / "manifests-webhook"
UID = "6f0c1a52-2f5d-4c56-9f0b-0f5d4d1c8a11"

VARIANTS = {
    "default": WebhookSettings(
        cluster_uid=UID,
        image="ghcr.io/irsa-project/irsa:1.2.3",
        region="eu-west-1",
        allowed_accounts=("111122223333",),
    ),
    "host-network": WebhookSettings(
        cluster_uid=UID,
        namespace="platform",
        image="registry.example/irsa:1",
        replicas=1,
        host_network=True,
        port=10443,
        failure_policy="Fail",
        annotation_prefix="irsa.example",
        audience="sts.amazonaws.com.cn",
    ),
    "everything": WebhookSettings(
        cluster_uid=UID,
        image="registry.example/irsa:1",
        region="eu-west-1",
        allowed_accounts=("111122223333", "444455556666"),
        allowed_roles={"shop": ("arn:aws:iam::111122223333:role/shop/*",)},
        role_session_name=False,
        config_map=True,
        restart=True,
        tls_secret="serving",
        client_ca="api-server-ca",
    ),
}


def rendered(settings: WebhookSettings) -> str:
    """The objects as one YAML stream."""
    stream = StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump_all(objects(settings), stream)
    return stream.getvalue()


def of_kind(kind: str, settings: WebhookSettings | None = None) -> list[dict]:
    """The objects of one kind."""
    wanted = settings or VARIANTS["default"]
    return [found for found in objects(wanted) if found["kind"] == kind]


@pytest.mark.parametrize("name", VARIANTS)
def test_objects_are_the_reviewed_ones(name: str) -> None:
    """What is applied changes only together with its reviewed file; UPDATE_GOLDEN=1 rewrites it."""
    path = GOLDEN / f"{name}.yaml"
    if "UPDATE_GOLDEN" in os.environ:
        path.write_text(rendered(VARIANTS[name]))
    assert rendered(VARIANTS[name]) == path.read_text()


def test_every_object_is_labelled_with_the_cluster() -> None:
    """Two clusters' objects can be told apart, and ours from others'."""
    for found in objects(VARIANTS["default"]):
        assert found["metadata"]["labels"]["irsa/cluster-uid"] == UID


def test_registration_never_contains_a_ca_bundle() -> None:
    """`caBundle` belongs to the controller from the first day."""
    [configuration] = of_kind("MutatingWebhookConfiguration")
    assert "caBundle" not in configuration["webhooks"][0]["clientConfig"]


def test_no_secret_is_among_the_objects() -> None:
    """Key material never passes through a plan."""
    assert of_kind("Secret") == []


def test_webhook_mounts_the_serving_certificate_only() -> None:
    """The process that faces the network never sees the CA's key."""
    webhook = next(d for d in of_kind("Deployment") if d["metadata"]["name"] == "irsa-webhook")
    volumes = webhook["spec"]["template"]["spec"]["volumes"]
    assert [volume["secret"]["secretName"] for volume in volumes] == [TLS_SECRET]


def test_webhook_may_only_read_service_accounts() -> None:
    """The webhook's role writes nothing and reads nothing else."""
    [rule] = next(
        role["rules"]
        for role in of_kind("ClusterRole")
        if role["metadata"]["name"] == "irsa-webhook"
    )
    assert rule["resources"] == ["serviceaccounts"]
    assert set(rule["verbs"]) == {"get", "list", "watch"}


@pytest.mark.parametrize(
    ("policy", "excluded"),
    [("Ignore", ["irsa-system"]), ("Fail", ["irsa-system", "kube-system"])],
)
def test_namespaces_that_must_start_without_it_are_excluded(policy: str, excluded: list) -> None:
    """With `Fail` neither the webhook nor what it stands on waits for the webhook."""
    settings = WebhookSettings(cluster_uid=UID, failure_policy=policy)
    [configuration] = of_kind("MutatingWebhookConfiguration", settings)
    [expression] = configuration["webhooks"][0]["namespaceSelector"]["matchExpressions"]
    assert expression["values"] == excluded


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1), (3, 1)])
def test_disruption_budget_comes_with_a_second_replica(replicas: int, budgets: int) -> None:
    """A budget for a single replica would block every drain."""
    settings = WebhookSettings(cluster_uid=UID, replicas=replicas)
    assert len(of_kind("PodDisruptionBudget", settings)) == budgets


CONFIGURATION = """
apiVersion: irsa/v1
cluster: {name: prod, uid: 6f0c1a52-2f5d-4c56-9f0b-0f5d4d1c8a11}
aws: {account: "111122223333", region: eu-west-1}
issuer: {publish: s3, bucket: prod-irsa}
injection:
  namespace: platform
  namespaces: {shop: ["arn:aws:iam::111122223333:role/shop/*"]}
  roleSessionName: false
  watchConfigMap: true
  restart: true
  webhook:
    {replicas: 3, hostNetwork: true, port: 10443, failurePolicy: Fail, tlsSecret: a, clientCa: b}
"""


def test_settings_follow_the_configuration() -> None:
    """Every key of the configuration has its place; the account itself is the only one allowed."""
    settings = WebhookSettings.of(parse(CONFIGURATION, source="irsa.yaml"))
    assert settings == WebhookSettings(
        cluster_uid=UID,
        namespace="platform",
        replicas=3,
        host_network=True,
        port=10443,
        failure_policy="Fail",
        region="eu-west-1",
        allowed_accounts=("111122223333",),
        allowed_roles={"shop": ("arn:aws:iam::111122223333:role/shop/*",)},
        role_session_name=False,
        config_map=True,
        restart=True,
        tls_secret="a",
        client_ca="b",
    )


def rules_of(kind: str, name: str, settings: WebhookSettings) -> list[dict]:
    """The rules of a role."""
    [rules] = [
        role["rules"] for role in of_kind(kind, settings) if role["metadata"]["name"] == name
    ]
    return rules


@pytest.mark.parametrize("restart", [False, True])
def test_workloads_may_be_patched_only_where_restarts_are_wanted(restart: bool) -> None:
    """Whoever patches a pod template runs what it likes."""
    settings = WebhookSettings(cluster_uid=UID, restart=restart)
    rules = rules_of("ClusterRole", "irsa-controller", settings)
    assert any("deployments" in rule["resources"] for rule in rules) is restart


def test_foreign_certificate_is_read_only() -> None:
    """Where cert-manager makes the Secret, the controller reads it and writes none."""
    settings = WebhookSettings(cluster_uid=UID, tls_secret="serving")
    rules = rules_of("Role", "irsa-controller", settings)
    [rule] = [rule for rule in rules if rule["resources"] == ["secrets"]]
    assert (rule["resourceNames"], rule["verbs"]) == (["serving"], ["get"])


@pytest.mark.parametrize("name", VARIANTS)
def test_both_processes_understand_their_arguments(name: str) -> None:
    """Every option in a Deployment is one that the command has."""
    commands = typer.main.get_command(app).commands
    for deployment in of_kind("Deployment", VARIANTS[name]):
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        command = commands[container["command"][1]]
        command.make_context(
            container["command"][1], list(container["args"]), resilient_parsing=False
        )


@pytest.mark.parametrize("name", VARIANTS)
def test_both_agree_on_who_has_a_role(name: str) -> None:
    """The controller misses no pod that the webhook would have patched, and no other."""
    shared = ("--annotation-prefix", "--allowed-account", "--allowed-role", "--watch-config-map")
    seen = []
    for deployment in of_kind("Deployment", VARIANTS[name]):
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        arguments = container["args"]
        seen.append(
            [
                (argument, arguments[at + 1] if at + 1 < len(arguments) else "")
                for at, argument in enumerate(arguments)
                if argument in shared[:3]
            ]
            + [argument for argument in arguments if argument == shared[3]]
        )
    assert seen[0] == seen[1]


@pytest.mark.parametrize("name", VARIANTS)
def test_one_port_of_each_process_is_open(name: str) -> None:
    """The NetworkPolicies let through what the containers listen on, and nothing else."""
    settings = VARIANTS[name]
    ports = [
        policy["spec"]["ingress"][0]["ports"][0]["port"]
        for policy in of_kind("NetworkPolicy", settings)
    ]
    assert ports == [settings.port, settings.metrics_port]


def test_registration_comes_last() -> None:
    """Nothing is sent to the webhook before everything that it needs has been made."""
    assert objects(VARIANTS["default"])[-1]["kind"] == "MutatingWebhookConfiguration"
