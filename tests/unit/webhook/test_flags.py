"""The command line of AWS's webhook, understood or refused with a reason."""

import pytest

from irsa.errors import InputError
from irsa.webhook.flags import REFUSED, translate

# The arguments of AWS's own sample manifest.
SAMPLE = [
    "--in-cluster=false",
    "--namespace=default",
    "--service-name=pod-identity-webhook",
    "--annotation-prefix=eks.amazonaws.com",
    "--token-audience=sts.amazonaws.com",
    "--logtostderr",
    "--v=4",
]


def test_sample_manifest_is_understood() -> None:
    """What means nothing here goes, with a note; the rest stays as it was written."""
    translated = translate(SAMPLE)
    assert translated.arguments == (SAMPLE[1], SAMPLE[3], SAMPLE[4])
    assert [note.split()[0] for note in translated.notes] == [
        "--service-name",
        "--logtostderr",
        "--v",
    ]


@pytest.mark.parametrize(
    ("argument", "ours"),
    [
        ("--sts-regional-endpoint", "--sts-regional-endpoint"),
        ("--sts-regional-endpoint=true", "--sts-regional-endpoint"),
        ("--sts-regional-endpoint=F", "--no-sts-regional-endpoint"),
        ("--watch-config-map=1", "--watch-config-map"),
        ("--compose-role-arn=false", "--no-compose-role-arn"),
    ],
)
def test_booleans_are_written_as_in_go(argument: str, ours: str) -> None:
    """Go joins a boolean's value with `=`."""
    assert translate([argument]).arguments == (ours,)


@pytest.mark.parametrize("arguments", [["-v", "4"], ["-v=4"], ["--log_dir", "/x"]], ids=str)
def test_dropped_flag_takes_its_value_along(arguments: list[str]) -> None:
    """The value of a dropped flag is not left behind as an argument."""
    assert translate([*arguments, "--port", "1"]).arguments == ("--port", "1")


@pytest.mark.parametrize("flag", [*REFUSED, "--in-cluster", "--in-cluster=true"])
def test_what_cannot_be_followed_is_refused_with_a_reason(flag: str) -> None:
    """Nothing that would change what pods get is ignored."""
    with pytest.raises(InputError, match=f"^{flag.partition('=')[0]} is not followed here: "):
        translate([flag])


def test_boolean_that_is_none_is_refused() -> None:
    """A typing error does not become a false."""
    with pytest.raises(InputError, match="maybe"):
        translate(["--watch-config-map=maybe"])


def test_own_arguments_pass_untouched() -> None:
    """Our own manifests lose nothing."""
    own = ["--port", "9443", "--allowed-account", "111122223333", "--stop-delay", "3"]
    assert translate(own).arguments == tuple(own)
