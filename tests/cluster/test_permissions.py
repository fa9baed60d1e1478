"""The printed permissions are enough, and each of them is needed; in a strict AWS."""

import itertools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.cluster.limited import actions, limited, without
from tests.cluster.sites import POLICY, Site, public_bucket, site

from irsa.aws.client import Aws
from irsa.cli import permissions
from irsa.cli.provisioning import Site as Doors
from irsa.cli.provisioning import plan, plan_removal
from irsa.cli.session import load
from irsa.errors import AwsError, IrsaError, RefusedError
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.provision.apply import run
from irsa.provision.desired import Wish
from irsa.provision.world import World
from irsa.web import Web

pytestmark = pytest.mark.cluster

GUEST = "least-guest"
OTHERS = {"trust-only": "least-kept", "external": "least-checked"}
_READS = re.compile(r"[a-z0-9]+:(Get|List|Head)")
_INLINE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}],
}


def _roles(name):
    return [
        {
            "serviceAccounts": [f"shop/{name}"],
            "path": "/team/",
            "policies": [POLICY],
            "inlinePolicy": _INLINE,
        }
    ]


@pytest.fixture(name="user")
def _user(rig):
    with limited(rig, "least") as user:
        yield user


def test_apply_and_destroy_need_no_more_than_is_printed(rig, user, tmp_path):
    """Run as a user who holds just that: apply, the plan after it, and destroy."""
    with site(rig, tmp_path, "least", roles=_roles("least")) as made:
        user.allow(json.loads(made.irsa("plan", "--permissions").stdout))
        made.irsa("apply", "--yes", **user.variables)
        assert made.irsa("plan", **user.variables).stdout.strip() == "nothing to change"
        options = ("--permissions", "--for", "destroy", "--delete-bucket")
        user.allow(json.loads(made.irsa("plan", *options).stdout))
        sure = ("--confirm-name", made.name, "--delete-bucket")
        made.irsa("destroy", *sure, **user.variables)
        assert made.destroy().stdout.strip() == "nothing of this cluster is left"
    _require_record(Path(rig.env["IRSA_AUDIT_LOG"]), rig.status["account"])


def _require_record(log, account):
    """Each of the user's calls is on record, with the id that AWS gave the request."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    caller = f"arn:aws:iam::{account}:user/least"
    runs = {one["run"]: one["command"] for one in lines if one.get("caller") == caller}
    assert list(runs.values()) == ["apply", "destroy"]
    mine = [one for one in lines if one["run"] in runs]
    names = {one["number"]: one["call"] for one in mine if one["event"] == "call"}
    outcomes = [one for one in mine if one["event"] == "outcome"]
    assert all(one["outcome"] == "done" for one in outcomes)
    assert all("requestId" in one or "kube:" in names[one["number"]] for one in outcomes)
    assert sum(bool(one.get("requestId")) for one in outcomes) > 15


@dataclass
class Clock:
    """A clock that moves only when somebody sleeps: a denial is not waited for."""

    time: float = 0.0

    def sleep(self, seconds):
        self.time += seconds

    def now(self):
        return self.time


@dataclass(kw_only=True)
class Company:
    """Two callers, the administrator and the limited user, and sites under fresh names."""

    rig: object
    directory: Path
    user: object
    kube: Kube
    web: Web
    admin: Aws
    least: Aws
    numbers: object = field(default_factory=lambda: itertools.count(1))

    def site(self):
        """A site of a name of its own, that nothing was made for yet."""
        name = f"least{next(self.numbers)}"
        made = Site(rig=self.rig, name=name, file=self.directory / f"{name}.yaml")
        made.write(roles=_roles(name))
        return made

    def doors(self, made, aws):
        clock = Clock()
        config = load(made.file)
        world = World(aws=aws, kube=self.kube, web=self.web, sleep=clock.sleep, now=clock.now)
        wish = Wish(config=config)
        return Doors(path=made.file, config=config, wish=wish, kube=self.kube, world=world)

    def apply(self, made, aws):
        doors = self.doors(made, aws)
        list(run(plan(doors), doors.world))

    def destroy(self, made, aws):
        doors = self.doors(made, aws)
        list(run(plan_removal(doors, delete_bucket=True), doors.world))

    def refused(self, action, attempt, made):
        """What an attempt of the limited user ends with names the permission that is missing."""
        with pytest.raises(IrsaError) as caught:
            attempt(made, self.least)
        error = caught.value
        assert isinstance(error, AwsError | RefusedError), f"without {action}: {error!r}"
        assert action in f"{error.message} {error.hint}", f"without {action}: {error.message}"


@pytest.fixture(name="company")
def _company(rig, user, tmp_path, monkeypatch):
    rig.env["IRSA_TEST_ACCOUNT"] = rig.status["account"]
    for name in ("HTTPS_PROXY", "NO_PROXY", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(name, rig.env[name])

    def caller(variables):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, variables[name])
        aws = Aws.open(region="eu-west-1")
        aws.identity()
        return aws

    with (
        Kube.open(kubeconfig=str(rig.kubeconfig)) as kube,
        Web(ca_bundle=Path(rig.env["AWS_CA_BUNDLE"])) as web,
        caller(rig.env) as admin,
        caller(user.variables) as least,
    ):
        if kube.get(Ref("v1", "Namespace", "shop")) is None:
            kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        yield Company(
            rig=rig, directory=tmp_path, user=user, kube=kube, web=web, admin=admin, least=least
        )


def test_without_any_one_permission_apply_fails_cleanly(company):
    """It is named; and with all of them the next run goes on from there."""
    made = company.site()
    policy = permissions.for_apply(company.doors(made, company.admin), prune=False)
    for action in [one for one in actions(policy) if not _READS.match(one)]:
        made = company.site()
        policy = permissions.for_apply(company.doors(made, company.admin), prune=False)
        company.user.allow(without(policy, action))
        company.refused(action, company.apply, made)
        company.user.allow(policy)
        company.apply(made, company.least)
        assert plan(company.doors(made, company.least)).changes == (), f"after {action}"
        company.destroy(made, company.admin)


def test_without_any_one_permission_to_read_nothing_is_changed(company, rig):
    """Seen on a bucket that is not public any more: what everybody may read needs no permission."""
    made = company.site()
    policy = permissions.for_apply(company.doors(made, company.admin), prune=False)
    company.apply(made, company.admin)
    rig.boto("s3").delete_bucket_policy(Bucket=made.bucket)
    for action in [one for one in actions(policy) if _READS.match(one)]:
        company.user.allow(without(policy, action))
        company.refused(action, lambda made, aws: plan(company.doors(made, aws)), made)
    company.destroy(made, company.admin)


def _pairs(policy):
    """Every action on every resource that a policy allows."""
    return [
        (action, resource)
        for one in policy["Statement"]
        for action in one["Action"]
        for resource in one["Resource"]
    ]


def _allowing(pairs):
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in pairs
    ]
    return {"Version": "2012-10-17", "Statement": statements}


@pytest.fixture(name="guest")
def _guest(company, rig):
    """A site in a bucket of somebody else's, with a role of its own and two of others'."""
    iam, trust = rig.boto("iam"), {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [trust | {"Action": "sts:AssumeRole"}]}
    for name in OTHERS.values():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
    public_bucket(rig, GUEST)
    made = company.site()
    issuer = {"publish": "s3", "bucket": GUEST, "prefix": "here", "manageBucket": False}
    others = [
        {"serviceAccounts": [f"shop/{name}"], "name": name, "management": management}
        for management, name in OTHERS.items()
    ]
    made.sections = {"issuer": issuer, "roles": [*_roles(made.name), *others]}
    made.sections["roles"][0].pop("path")  # where it is not yet, GetRole is allowed on both
    made.write()
    yield made
    company.destroy(made, company.admin)
    for name in OTHERS.values():
        iam.delete_role(RoleName=name)
    rig.boto("s3").delete_bucket(Bucket=GUEST)


def test_nothing_is_printed_that_is_not_needed_to_read(company, guest, rig):
    """Of what is somebody else's, no more than the plan looks at: each read on each thing."""
    company.apply(guest, company.admin)
    rig.boto("s3").delete_bucket_policy(Bucket=GUEST)
    printed = permissions.for_apply(company.doors(guest, company.admin), prune=False)
    pairs = [one for one in _pairs(printed) if _READS.match(one[0])]
    company.user.allow(_allowing(pairs))
    assert plan(company.doors(guest, company.least)).changes == ()
    for action, resource in pairs:
        company.user.allow(_allowing([one for one in pairs if one != (action, resource)]))
        if resource.endswith(f":role/{OTHERS['external']}"):
            notes = plan(company.doors(guest, company.least)).notes
            assert [one for one in notes if "may not be read (iam:GetRole)" in one], action
        else:
            company.refused(action, lambda made, aws: plan(company.doors(made, aws)), guest)


def test_without_any_one_permission_destroy_fails_cleanly(company):
    """And with all of them the next run removes what is left."""
    made = company.site()
    doors = company.doors(made, company.admin)
    policy = permissions.for_destroy(doors, delete_bucket=True)
    for action in [one for one in actions(policy) if not _READS.match(one)]:
        company.apply(made, company.admin)
        company.user.allow(without(policy, action))
        company.refused(action, company.destroy, made)
        company.user.allow(policy)
        company.destroy(made, company.least)
        doors = company.doors(made, company.admin)
        assert plan_removal(doors, delete_bucket=True).changes == (), f"after {action}"
