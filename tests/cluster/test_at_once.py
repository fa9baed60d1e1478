"""Two runs at once, again and again: what either of them wrote is there afterwards."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from tests.cluster.sites import REGION, Site, late, public_bucket

from irsa.identity.keys import KeyKind, SigningKey
from irsa.trust import policy

pytestmark = pytest.mark.cluster

ROUNDS = 3
PREFIXES = ("copies", "one", "two")
UIDS = [f"{one}0000000-0000-4000-8000-000000000000" for one in "12"]
BUCKET = "at-once"
ROLE = "at-once-theirs"
TAGS = [{"Key": "team", "Value": "platform"}]
GATES = ("--override", "pods-in-use", "--override", "issuer-in-use", "--reason", "only tried")
QUICKER = "somebody else was quicker; run it again"


@dataclass(kw_only=True)
class Account:
    """What somebody made by hand: providers by prefix, the statements of a trust policy."""

    providers: dict[str, str]
    trust: list[dict[str, Any]]


@pytest.fixture(name="account", scope="module")
def _account(rig):
    """A bucket, two providers and a role that somebody made by hand, and tagged."""
    rig.env["IRSA_TEST_ACCOUNT"] = rig.status["account"]
    public_bucket(rig, BUCKET)
    s3, iam = rig.boto("s3"), rig.boto("iam")
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": TAGS})
    providers = [
        iam.create_open_id_connect_provider(
            Url=f"https://{BUCKET}.s3.{REGION}.amazonaws.com/{prefix}",
            ClientIDList=["theirs"],
            ThumbprintList=["0" * 40],  # so that nobody reads documents that are not there yet
            Tags=TAGS,
        )["OpenIDConnectProviderArn"]
        for prefix in PREFIXES
    ]
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Sid": "Theirs"}
    document = {"Version": "2012-10-17", "Statement": [trust | {"Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(document), Tags=TAGS)
    yield Account(providers=dict(zip(PREFIXES, providers, strict=True)), trust=_trust(rig))
    iam.delete_role(RoleName=ROLE)
    for arn in providers:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    s3.delete_bucket(Bucket=BUCKET)


class Copy(Site):
    """A configuration of the AWS half: who has public keys needs no cluster."""

    def __init__(self, rig, directory, name, *, uid, prefix):
        file = directory / name / "irsa.yaml"
        file.parent.mkdir()
        issuer = {"publish": "s3", "bucket": BUCKET, "prefix": prefix, "keysFrom": []}
        issuer |= {"manageBucket": False, "provider": "shared", "audiences": ["sts.amazonaws.com"]}
        sections = {"cluster": {"name": "twin", "uid": uid}, "issuer": issuer, "roles": []}
        super().__init__(rig=rig, name="twin", file=file, sections=sections)

    @property
    def issuer(self):
        return self.sections["issuer"]

    @property
    def roles(self):
        return self.sections["roles"]

    def add_key(self):
        """One more key to publish; returns its id."""
        key = SigningKey.generate(KeyKind.ec_p256).public
        file = self.file.parent / f"{key.kid}.pub"
        file.write_bytes(key.pem())
        self.issuer["keysFrom"].append(file.name)
        return key.kid

    def end(self):
        self.write()
        self.irsa("destroy", "--only", "aws", "--confirm-name", "twin", *GATES)


@pytest.fixture(name="copy")
def _copy(rig, tmp_path, account):
    """A function that makes a copy; all are taken down at the end."""
    made = []

    def make(name, **options):
        made.append(Copy(rig, tmp_path, name, **options))
        return made[-1]

    yield make
    for one in made:
        one.end()
    assert _trust(rig) == account.trust


def _apply_at_once(*sites):
    """Started together; who was not quick enough runs again, as the error says."""
    argv = [sys.executable, "-m", "irsa", "apply", "--yes", "--only", "aws", "--config"]
    running = [
        subprocess.Popen(
            [*argv, str(one.file)],
            env=one.rig.env,
            cwd=one.file.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for one in sites
    ]
    said = [process.communicate(timeout=300)[1] for process in running]
    assert min(process.returncode for process in running) == 0, said
    for one, process, text in zip(sites, running, said, strict=True):
        if process.returncode:
            assert process.returncode == 4, text
            assert QUICKER in text
            one.irsa("apply", "--yes", "--only", "aws")


def _published(rig, prefix):
    body = rig.boto("s3").get_object(Bucket=BUCKET, Key=f"{prefix}/keys.json")["Body"]
    return {key["kid"] for key in json.load(body)["keys"]}


def _provider(rig, arn):
    found = rig.boto("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return sorted(found["ClientIDList"]), found["Tags"]


def _trust(rig):
    return rig.boto("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"]


def _subjects(rig, uid):
    """The subjects of a cluster's statements in the trust policy of somebody else's role."""
    ours = [one for one in _trust(rig) if policy.of_cluster(one, uid)]
    return [
        values
        for one in ours
        for key, values in one["Condition"]["StringEquals"].items()
        if key.endswith(":sub")
    ]


def test_two_runs_for_one_cluster_lose_nothing_of_each_other(rig, account, copy):
    """Other keys, audiences and roles in each; one bucket, one provider; round after round."""
    arn, kids, audiences, roles = account.providers["copies"], set(), {"theirs"}, {}
    both = [copy(name, uid=UIDS[0], prefix="copies") for name in "ab"]
    for number in range(ROUNDS):
        for one in both:
            name = f"at-once-{one.file.parent.name}-{number}"
            kids.add(one.add_key())
            one.issuer["audiences"].append(name)
            one.roles.append(
                {"serviceAccounts": [f"shop/{name}"], "name": name, "tags": {"made": name}}
            )
            roles[name] = {"made": name, "irsa:cluster": "twin", "irsa:cluster-uid": UIDS[0]}
            audiences |= set(one.issuer["audiences"])
            one.write()
        _apply_at_once(*both)
        assert _published(rig, "copies") == kids
        assert _provider(rig, arn) == (sorted(audiences), TAGS)
        assert {name: _tags(rig, name) for name in roles} == roles
    assert rig.boto("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"] == TAGS


def _tags(rig, role):
    tags = rig.boto("iam").list_role_tags(RoleName=role)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_two_clusters_in_one_trust_policy_lose_nothing_of_each_other(rig, account, copy):
    """
    One statement each, that grows with every round, beside that of the role's owner.

    IAM is late: whoever writes second has not seen the first write, and overwrites it.
    """
    clusters = [
        copy(prefix, uid=uid, prefix=prefix) for prefix, uid in zip(PREFIXES[1:], UIDS, strict=True)
    ]
    for one in clusters:
        one.add_key()
        one.roles.append({"serviceAccounts": [], "name": ROLE, "management": "trust-only"})
    for number in range(ROUNDS):
        for one in clusters:
            one.roles[0]["serviceAccounts"].append(f"shop/{one.issuer['prefix']}-{number}")
            one.write()
        with late(rig, "iam=2s"):
            _apply_at_once(*clusters)
        for one, uid in zip(clusters, UIDS, strict=True):
            accounts = [name.replace("/", ":") for name in one.roles[0]["serviceAccounts"]]
            subjects = [f"system:serviceaccount:{name}" for name in accounts]
            (found,) = _subjects(rig, uid)
            assert ([found] if isinstance(found, str) else sorted(found)) == subjects
        assert [one for one in _trust(rig) if one.get("Sid") == "Theirs"] == account.trust
        assert len(_trust(rig)) == 3
    for prefix, one in zip(PREFIXES[1:], clusters, strict=True):
        assert _provider(rig, account.providers[prefix]) == (["sts.amazonaws.com", "theirs"], TAGS)
        assert len(_published(rig, prefix)) == len(one.issuer["keysFrom"])
