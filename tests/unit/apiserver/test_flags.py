"""The flags of kube-apiserver: parsed, compared, rendered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.apiserver import flags
from irsa.apiserver.flags import Issuance
from irsa.errors import InputError

OLD = "https://kubernetes.default.svc.cluster.local"
NEW = "https://b.s3.eu-west-1.amazonaws.com"
AUDIENCE = st.text(st.characters(blacklist_characters="\r\n\0", codec="utf-8"), min_size=1)


def _parse(*arguments):
    return flags.parse(("kube-apiserver", *arguments), "test")


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        pytest.param(("--a-b=c=d",), "c=d", id="equals"),
        pytest.param(("--a-b", "c"), "c", id="apart"),
        pytest.param(("--a-b",), "true", id="switch"),
        pytest.param(("--a-b", "--other"), "true", id="switch-before-flag"),
        pytest.param(("--a_b=c",), "c", id="underscores"),
        pytest.param(("--a-b=",), "", id="empty"),
    ],
)
def test_every_form_of_a_flag_is_read(arguments, value):
    """A flag's value is found in each form that kube-apiserver reads."""
    first = _parse(*arguments)[0]
    assert (first.name, first.value) == ("a-b", value)


@pytest.mark.parametrize("command", [(), ("/bin/sh", "-c", "kube-apiserver"), ("etcd",)])
def test_a_command_that_starts_something_else_is_refused(command):
    """Flags behind a shell are not flags of kube-apiserver."""
    with pytest.raises(InputError, match="does not start kube-apiserver"):
        flags.parse(command, "test")


def test_a_path_to_the_program_is_fine():
    """The program may be named with its path."""
    assert flags.parse(("/usr/bin/kube-apiserver", "-v=2"), "test")[0].name == "v"


def test_what_follows_a_double_dash_is_no_flag():
    """A double dash ends the flags."""
    assert _parse("--a=b", "--", "--c=d")[-1].name == "a"


def test_the_order_of_issuers_is_kept():
    """The first issuer signs, so their order is theirs."""
    found = _parse(f"--service-account-issuer={NEW}", "--x", "--service-account-issuer", OLD)
    assert flags.issuance_of(found).issuers == (NEW, OLD)


def test_audiences_come_from_commas_and_repetitions():
    """Comma lists and repeated flags add up."""
    found = _parse("--api-audiences=a,b", "--api-audiences", "c")
    assert flags.issuance_of(found).audiences == ("a", "b", "c")


def test_without_the_flag_the_audiences_are_all_issuers():
    """The default of --api-audiences is every issuer, not only the first."""
    assert Issuance(issuers=(OLD, NEW)).effective_audiences == (OLD, NEW)


def test_the_sts_audience_is_a_hole():
    """An API server that accepts tokens meant for AWS is seen."""
    assert Issuance(issuers=(OLD,), audiences=(OLD, "sts.amazonaws.com")).open_to_sts
    assert not Issuance(issuers=(OLD,)).open_to_sts


@given(st.lists(AUDIENCE, min_size=1))
def test_a_rendered_issuance_reads_back(audiences):
    """What is rendered is what is read, whatever the audiences hold."""
    meant = Issuance(issuers=(OLD, NEW), audiences=tuple(audiences))
    assert flags.issuance_of(_parse(*meant.render())) == meant


def test_without_audiences_none_are_rendered():
    """An absent flag stays absent."""
    assert Issuance(issuers=(OLD,)).render() == (f"--service-account-issuer={OLD}",)


def test_issuer_and_audiences_do_not_count_as_differences():
    """Equal but for issuer and audiences is equal."""
    before = _parse(f"--service-account-issuer={OLD}", "--a=b", "--c", "d")
    after = _parse("--c=d", f"--service-account-issuer={NEW}", "--api-audiences=x", "--a=b")
    assert flags.differences(before, after) == ()


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        pytest.param((), "--a is gone (it was 'b')", id="gone"),
        pytest.param(("--a=c",), "--a is 'c', it was 'b'", id="changed"),
        pytest.param(("--a=b", "--a=b"), "--a is 'b' and 'b', it was 'b'", id="repeated"),
        pytest.param(("--a=b", "--z"), "--z is new ('true')", id="new"),
    ],
)
def test_every_difference_is_a_sentence(after, sentence):
    """A difference names the flag, and what it was and is."""
    assert flags.differences(_parse("--a=b"), _parse(*after)) == (sentence,)


def test_the_order_of_one_flags_values_counts():
    """Two values of one flag swapped are a difference."""
    assert flags.differences(_parse("--a=1", "--a=2"), _parse("--a=2", "--a=1"))
