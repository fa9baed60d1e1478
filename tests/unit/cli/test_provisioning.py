"""What plan, apply and destroy share."""

import pytest
from tests.fakes.cluster import OLD_KEY, SIGNING_KEY
from tests.fakes.stage import BUCKET, make_stage

from irsa.cli.dependents import use
from irsa.cli.provisioning import Site, choose_keys, gates
from irsa.errors import InputError, RefusedError
from irsa.provision.resource import Plan


def _site(directory, **sections):
    stage = make_stage(**sections)
    return Site(
        path=directory / "irsa.yaml",
        config=stage.wish.config,
        wish=stage.wish,
        kube=stage.kube,
        world=stage.world,
    )


def _from_files(directory, *keys):
    for number, key in enumerate(keys):
        (directory / f"{number}.pub").write_bytes(key.public.pem())
    files = [f"{number}.pub" for number in range(len(keys))]
    issuer = {"publish": "s3", "bucket": BUCKET, "keysFrom": files}
    return choose_keys(_site(directory, issuer=issuer)).published


def test_keys_of_the_cluster_are_those_seen_signing(tmp_path):
    """A token is minted, and its key id looked up."""
    choice = choose_keys(_site(tmp_path))
    assert [key.kid for key in choice.published] == [SIGNING_KEY.public.kid]
    assert choice.left_out == (OLD_KEY.public.kid,)


def test_keys_in_files_are_found_beside_the_configuration(tmp_path):
    """Wherever the command is run."""
    kids = {key.kid for key in _from_files(tmp_path, SIGNING_KEY, OLD_KEY)}
    assert kids == {SIGNING_KEY.public.kid, OLD_KEY.public.kid}


def test_files_without_the_key_that_signs_are_refused(tmp_path):
    """AWS would refuse every token."""
    with pytest.raises(RefusedError, match="the cluster signs with key"):
        _from_files(tmp_path, OLD_KEY)


def test_a_missing_key_file_is_named(tmp_path):
    """With its path."""
    issuer = {"publish": "s3", "bucket": BUCKET, "keysFrom": ["gone.pub"]}
    with pytest.raises(InputError, match=r"gone\.pub"):
        choose_keys(_site(tmp_path, issuer=issuer))


def test_an_api_server_with_the_issuer_is_in_use(tmp_path):
    """By what it says of itself."""
    site = _site(tmp_path)
    assert use(site, Plan()).servers == {}
    site.kube.sign_with(str(site.config.issuer_url))
    assert use(site, Plan()).servers == {"this server": str(site.config.issuer_url)}


def test_a_gate_needs_a_reason():
    """Somebody will ask why."""
    known = frozenset({"a"})
    assert gates(["a"], "because", known=known) == {"a": "because"}
    with pytest.raises(InputError, match="needs a reason"):
        gates(["a"], " ", known=known)
    with pytest.raises(InputError, match="there is no gate 'b'"):
        gates(["b"], "because", known=known)
