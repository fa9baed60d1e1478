"""Kubeconfig files, parsed and merged by kubectl's rules."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.errors import InputError
from irsa.kube.config import (
    Cluster,
    Context,
    Kubeconfig,
    NamedCluster,
    NamedContext,
    NamedUser,
    User,
    merge,
    parse,
)

FULL = """
apiVersion: v1
kind: Config
preferences: {}
current-context: prod
clusters:
- name: prod
  cluster:
    server: https://kube.example:6443
    certificate-authority: pki/ca.pem
    tls-server-name: kubernetes
    insecure-skip-tls-verify: false
    extensions:
    - name: client.authentication.k8s.io/exec
      extension: {audience: 06da, retries: 3, deep: {on: true}}
    - name: other
      extension: null
users:
- name: admin
  user:
    client-certificate: /abs/admin.pem
    client-key: admin.key
    tokenFile: token
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./bin/login
      args: [--account, 012345670123]
      env: [{name: A, value: 0x10}, {name: EMPTY, value: }]
      installHint: null
      interactiveMode: Never
      provideClusterInfo: true
contexts:
- name: prod
  context: {cluster: prod, user: admin, namespace: ~}
"""


def test_paths_are_relative_to_their_own_file():
    """A kubeconfig may be read from anywhere."""
    config = parse(FULL, source="/home/u/.kube/config")
    user = config.users[0].user
    assert config.clusters[0].cluster.certificate_authority == "/home/u/.kube/pki/ca.pem"
    assert user.client_certificate == "/abs/admin.pem"
    assert user.client_key == "/home/u/.kube/admin.key"
    assert user.token_file == "/home/u/.kube/token"
    assert user.exec.command == "/home/u/.kube/./bin/login"


def test_command_without_a_path_is_looked_up():
    """A bare command is for PATH to find."""
    text = FULL.replace("./bin/login", "aws")
    assert parse(text, source="/k").users[0].user.exec.command == "aws"


def test_scalars_stay_as_they_were_written():
    """An account number is text, and so is everything else that is passed on."""
    plugin = parse(FULL, source="/k").users[0].user.exec
    assert plugin.args == ("--account", "012345670123")
    assert [(v.name, v.value) for v in plugin.env] == [("A", "0x10"), ("EMPTY", "")]
    assert plugin.install_hint == ""
    assert plugin.provide_cluster_info is True


def test_extensions_keep_their_types():
    """An extension is any JSON, for the plug-in to understand."""
    extensions = parse(FULL, source="/k").clusters[0].cluster.extensions
    assert extensions[0].extension == {"audience": "06da", "retries": 3, "deep": {"on": True}}
    assert extensions[1].extension is None


def test_nulls_are_absent():
    """What `kubectl config` leaves behind when everything was deleted is an empty file."""
    text = "clusters: null\ncontexts: ~\nusers:\ncurrent-context: ''\n"
    assert parse(text, source="/k") == parse("", source="/k") == Kubeconfig()


def test_json_is_read_too():
    """JSON is YAML, even with tabs."""
    text = json.dumps({"current-context": "a", "clusters": []}, indent="\t")
    assert parse(text, source="/k").current_context == "a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "/k is not YAML: line 1"),
        ("current-context: a\ncurrent-context: hush", 'line 2: found duplicate key "current-co'),
        ("just text", "/k is not a kubeconfig: Expected `object`"),
        ("clusters: [{cluster: {}}]", "missing required field `name`"),
        (
            "clusters: [{name: a, cluster: {insecure-skip-tls-verify: hush}}]",
            r"at `\$.clusters\[0\].cluster.insecure-skip-tls-verify`",
        ),
        ("users: [{name: a}, {name: a}]", "/k has two entries for user 'a'"),
        ("clusters: [client.authentication.k8s.io/exec]", "not a kubeconfig"),
        ("client.authentication.k8s.io/exec", "not a kubeconfig"),
    ],
    ids=["yaml", "key-twice", "text", "nameless", "type", "name-twice", "no-cluster", "no-map"],
)
def test_what_is_no_kubeconfig_is_refused(text, message):
    """The message names the file and the place, and never a value."""
    with pytest.raises(InputError, match=message) as caught:
        parse(text, source="/k")
    assert "hush" not in str(caught.value)


def test_first_file_wins_for_each_name():
    """The whole entry of the first file counts, nothing of the second is mixed in."""
    first = parse("users: [{name: a, user: {token: one}}]", source="/1")
    second = parse("users: [{name: a, user: {token: two, username: u}}, {name: b}]", source="/2")
    merged = merge([first, second])
    assert [(u.name, u.user.token, u.user.username, u.source) for u in merged.users] == [
        ("a", "one", "", "/1"),
        ("b", "", "", "/2"),
    ]


def test_current_context_is_that_of_the_first_file_that_has_one():
    """A file without a current context leaves it to the next."""
    configs = [parse(f"current-context: {name}", source="/k") for name in ("''", "b", "c")]
    assert merge(configs).current_context == "b"


_names = st.sampled_from("abcd")
_configs = st.builds(
    Kubeconfig,
    clusters=st.lists(
        st.builds(NamedCluster, name=_names, cluster=st.builds(Cluster, server=_names)),
        unique_by=lambda entry: entry.name,
    ).map(tuple),
    users=st.lists(
        st.builds(NamedUser, name=_names, user=st.builds(User, token=_names)),
        unique_by=lambda entry: entry.name,
    ).map(tuple),
    contexts=st.lists(
        st.builds(NamedContext, name=_names, context=st.builds(Context, user=_names)),
        unique_by=lambda entry: entry.name,
    ).map(tuple),
    current_context=st.sampled_from(["", "a", "b"]),
)


@given(_configs)
def test_merging_with_itself_changes_nothing(config):
    """The same file named twice counts once."""
    assert merge([config]) == merge([config, config]) == config


@given(_configs, _configs, _configs)
def test_merging_in_steps_is_merging_at_once(first, second, third):
    """Order matters, grouping does not."""
    assert merge([merge([first, second]), third]) == merge([first, merge([second, third])])


@given(_configs, _configs)
def test_the_first_file_is_kept_whole(first, second):
    """Nothing that the first file says is lost or changed."""
    merged = merge([first, second])
    assert merged.users[: len(first.users)] == first.users
    assert merged.clusters[: len(first.clusters)] == first.clusters


PLAIN = st.sampled_from(["a", "0123", "é", "true", "null", "1.50", "", "x: y", "\U0001f600"])


@given(PLAIN, st.integers(), st.booleans(), st.none() | PLAIN)
def test_json_means_what_it_means_as_yaml(text, number, flag, optional):
    """The two ways to read a file agree."""
    cluster = {"server": text, "insecure-skip-tls-verify": flag, "tls-server-name": optional}
    document = {
        "clusters": [{"name": "a", "cluster": cluster}],
        "users": [{"name": number, "user": {"token": number, "as-groups": [text, number]}}],
        "current-context": optional,
    }
    written = json.dumps(document, ensure_ascii=False)
    as_yaml = "# no JSON\n" + written
    assert parse(written, source="/k") == parse(as_yaml, source="/k")


def test_json_key_that_occurs_twice_is_refused():
    """As in YAML: one of the two would be lost unseen."""
    with pytest.raises(InputError, match="users"):
        parse('{"users": [], "users": []}', source="/k")


def test_json_needs_no_yaml():
    """A process that must stay small can be given its kubeconfig as JSON."""
    code = (
        "import sys; from irsa.kube.config import parse; parse('{}', source='/k');"
        "print('ruamel.yaml' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
