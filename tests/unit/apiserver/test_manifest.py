"""Manifests edited by splicing: what is not the issuer's flags keeps its bytes."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irsa.apiserver import stages
from irsa.apiserver.flags import Issuance
from irsa.apiserver.manifest import Manifest
from irsa.errors import InputError

GOLDEN = Path(__file__).parents[2] / "golden" / "manifests"
NAMES = ["kubeadm", "handmade", "flow", "apart", "crlf"]
OLD = "https://kubernetes.default.svc.cluster.local"
NEW = "https://b.s3.eu-west-1.amazonaws.com/prefix"

TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)
ISSUERS = st.lists(TEXT.map(lambda text: f"https://{text}"), min_size=1, max_size=4, unique=True)
AUDIENCES = st.none() | st.lists(TEXT, min_size=1, max_size=3)
BREAKS = st.sampled_from(["\n", "\r\n"])
LEISURELY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
OTHER = st.sampled_from(
    ["--v=2", "--audit-log-path=/a b", "--x=äß😀", "--empty=", "--a='b'", '--q="c"', "--switch"]
)


def _parse(data):
    return Manifest.parse(data, "test.yaml")


def _accepted(data):
    manifest = _parse(data)
    wanted = stages.accept(manifest.issuance, NEW).wanted
    return manifest.with_issuance(wanted)


def _activated(data):
    manifest = _parse(data)
    return manifest.with_issuance(stages.activate(manifest.issuance, NEW, fleet=[]).wanted)


@pytest.mark.parametrize("name", NAMES)
def test_the_edited_manifest_is_the_golden_one(name):
    """Accept and activate write exactly the reviewed bytes."""
    accepted = _accepted((GOLDEN / f"{name}.yaml").read_bytes())
    for stage, data in {"accept": accepted, "activate": _activated(accepted)}.items():
        path = GOLDEN / f"{name}.{stage}.yaml"
        if "UPDATE_GOLDEN" in os.environ:
            path.write_bytes(data)
        assert data == path.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_way_back_restores_every_byte(name):
    """Accept, activate and back to the original leave no trace."""
    original = (GOLDEN / f"{name}.yaml").read_bytes()
    there = _activated(_accepted(original))
    assert _parse(there).with_issuance(_parse(original).issuance) == original


@pytest.mark.parametrize("name", NAMES)
def test_lines_of_other_things_keep_their_bytes(name):
    """Only lines that name issuer or audiences differ."""
    original = (GOLDEN / f"{name}.yaml").read_bytes()
    edited = _accepted(original)
    assert _other_lines(edited) == _other_lines(original)


def _other_lines(data):
    words = (b"service-account-issuer", b"api-audiences", OLD.encode(), NEW.encode())
    return [line for line in data.splitlines() if not any(word in line for word in words)]


def _scalar(text, style):
    if style == "'":
        return "'" + text.replace("'", "''") + "'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def _manifests(draw):
    style, end = draw(st.sampled_from("'\"")), draw(BREAKS)
    before, after = draw(st.lists(OTHER, max_size=3)), draw(st.lists(OTHER, max_size=3))
    issuance = Issuance(issuers=tuple(draw(ISSUERS)), audiences=_tuple(draw(AUDIENCES)))
    command = ["kube-apiserver", *before, *issuance.render(), *after]
    items = [_scalar(one, style) for one in command]
    comment = draw(st.sampled_from(["", " # why", "  #"]))
    if draw(st.booleans()):
        body = f"[{', '.join(items)}]{comment}"
    else:
        indent = " " * draw(st.integers(4, 9))
        body = end + end.join(f"{indent}- {item}{comment}" for item in items)
    lines = [
        "# first",
        "kind: Pod",
        "spec:",
        "  containers:",
        "  - name: a",
        f"    command: {body}",
    ]
    return issuance, (end.join(lines) + draw(st.sampled_from(["", end]))).encode()


def _tuple(values):
    return None if values is None else tuple(values)


@LEISURELY
@given(_manifests(), ISSUERS, AUDIENCES)
def test_any_issuance_can_be_written_into_any_manifest(made, issuers, audiences):
    """The result says what was meant, changes nothing else, and is a fixed point."""
    _, data = made
    wanted = Issuance(issuers=tuple(issuers), audiences=_tuple(audiences))
    edited = _parse(data).with_issuance(wanted)
    again = _parse(edited)
    assert again.issuance == wanted
    assert _other_flags(again) == _other_flags(_parse(data))
    assert again.with_issuance(wanted) == edited


def _other_flags(manifest):
    names = {"service-account-issuer", "api-audiences"}
    return [(flag.name, flag.value) for flag in manifest.flags if flag.name not in names]


@LEISURELY
@given(_manifests())
def test_accept_and_back_is_the_same_bytes(made):
    """Adding an issuer and the pin, and taking both away, leaves every byte."""
    issuance, data = made
    there = _parse(data).with_issuance(
        replace(issuance, issuers=(*issuance.issuers, NEW), audiences=issuance.effective_audiences)
    )
    assert _parse(there).with_issuance(issuance) == data


KUBEADM = (GOLDEN / "kubeadm.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("a: [", "not YAML", id="not-yaml"),
        pytest.param("", "0 documents", id="empty"),
        pytest.param(KUBEADM + "---\na: b\n", "2 documents", id="two-documents"),
        pytest.param("[]", "no containers", id="not-a-mapping"),
        pytest.param("kind: Pod\n", "no containers", id="no-spec"),
        pytest.param(KUBEADM.replace("- command:", "- x: y\n  - command:"), "2 con", id="two"),
        pytest.param(KUBEADM.replace("command:", "args:"), "no command", id="no-command"),
        pytest.param(KUBEADM.replace("- kube-apiserver\n", "- sh\n"), "not start", id="shell"),
        pytest.param(KUBEADM.replace("image:", "args: text\n    image:"), "not a list", id="args"),
        pytest.param(KUBEADM.replace("=true", "=true\n    - 7"), "not text", id="number"),
        pytest.param(KUBEADM.replace("- --allow", "- &a --allow"), "anchor", id="anchor"),
        pytest.param(KUBEADM.replace("- --allow", "- !!str --allow"), "tag", id="tag"),
        pytest.param(KUBEADM.replace("-account-issuer", "-x"), "no --service", id="no-issuer"),
        pytest.param(KUBEADM + "spec: {}\n", "key 'spec' twice", id="twice"),
        pytest.param(KUBEADM.replace("image:", "name: x\n    image:"), "not YAML", id="duplicate"),
    ],
)
def test_what_is_not_understood_is_refused(text, why):
    """A sentence says why, and nothing is edited."""
    with pytest.raises(InputError, match=f"left alone.*{why}|{why}"):
        _parse(text.encode())


def test_text_that_is_not_utf8_is_refused():
    """Bytes of another encoding are not guessed."""
    with pytest.raises(InputError, match="not UTF-8"):
        _parse(KUBEADM.encode("utf-16"))


def test_a_block_of_text_is_not_edited():
    """A folded flag has no simple place to splice."""
    folded = KUBEADM.replace("- --service-account-issuer", "- >-\n      --service-account-issuer")
    with pytest.raises(InputError, match="a block of text"):
        _accepted(folded.encode())


def test_a_list_is_never_left_empty():
    """The last element of a list is not taken away."""
    lonely = KUBEADM.replace("    image:", "    args: [--api-audiences=x]\n    image:", 1)
    manifest = _parse(lonely.encode())
    with pytest.raises(InputError, match="left empty"):
        manifest.with_issuance(Issuance(issuers=(OLD,)))


def test_a_dash_on_its_own_line_is_understood():
    """An item may begin on the line after its dash."""
    odd = KUBEADM.replace("    - --service-account-issuer", "    -\n      --service-account-issuer")
    assert _parse(_accepted(odd.encode())).issuance.issuers == (OLD, NEW)
