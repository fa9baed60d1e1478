"""A configuration, and a world in memory to provision it in."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.fakes.aws import ACCOUNT, REGION, FakeAws, FakeWeb
from tests.fakes.cluster import SIGNING_KEY, FakeCluster

from irsa import config as configuration
from irsa.provision import desired
from irsa.provision import plan as planning
from irsa.provision.apply import run
from irsa.provision.desired import Wish
from irsa.provision.observe import observe
from irsa.provision.resource import Plan
from irsa.provision.world import World

BUCKET = "prod-eu-irsa"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def now(self) -> float:
        return self.time


@dataclass(kw_only=True)
class Stage:
    """A world in memory, and what the tests do with it."""

    wish: Wish
    aws: FakeAws
    kube: FakeCluster
    clock: Clock = field(default_factory=Clock)
    said: list[str] = field(default_factory=list)
    web: Any = None

    @property
    def world(self) -> World:
        return World(
            aws=self.aws,
            kube=self.kube,
            web=self.web or FakeWeb(self.aws),
            say=self.said.append,
            sleep=self.clock.sleep,
            now=self.clock.now,
        )

    def plan(self, **changes: Any) -> Plan:
        wish = replace(self.wish, **changes)
        observations = observe(desired.desired(wish), self.world)
        return planning.build(observations, checks=desired.checks(wish))

    def plan_removal(self, *, delete_bucket: bool = True) -> Plan:
        wish = replace(self.wish, delete_bucket=delete_bucket, keys=())
        return planning.build_removal(observe(desired.removable(wish), self.world))

    def apply(self, **changes: Any) -> Plan:
        plan = self.plan(**changes)
        list(run(plan, self.world))
        return plan

    def run(self, plan: Plan) -> None:
        list(run(plan, self.world))

    def destroy(self, *, delete_bucket: bool = True) -> Plan:
        plan = self.plan_removal(delete_bucket=delete_bucket)
        list(run(plan, self.world))
        return plan


def make_config(uid: str, **sections: Any) -> configuration.Config:
    """A configuration with two roles; `sections` replace its own."""
    return configuration.parse(config_text(uid, **sections), source="irsa.yaml")


def config_text(uid: str, **sections: Any) -> str:
    """The same as a file holds it."""
    document = {
        "apiVersion": "irsa/v1",
        "cluster": {"name": "prod-eu", "uid": uid},
        "aws": {"account": ACCOUNT, "region": REGION},
        "issuer": {"publish": "s3", "bucket": BUCKET},
        "roles": [
            {
                "serviceAccounts": ["shop/web"],
                "policies": [S3_READ],
                "inlinePolicy": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
                    ],
                },
            },
            {"serviceAccounts": ["shop/worker"], "path": "/team/"},
        ],
    } | sections
    return json.dumps(document)


def make_stage(**sections: Any) -> Stage:
    """A stage whose configuration has some sections replaced."""
    kube = FakeCluster()
    kube.put("v1", "Namespace", "shop")
    kube.put("v1", "ServiceAccount", "default", metadata={"namespace": "kube-system"})
    kube.put("v1", "ServiceAccount", "web", metadata={"namespace": "shop"})
    config = make_config(kube.cluster_uid(), **sections)
    return Stage(wish=Wish(config=config, keys=(SIGNING_KEY.public,)), aws=FakeAws(), kube=kube)


def command_line(
    stage: Stage, directory: Path, monkeypatch: Any, **sections: Any
) -> Callable[..., int]:
    """
    The `irsa` program, whose doors lead to the stage.

    Returns:
        Runs one command line with the stage's configuration, and returns its exit code.
    """
    from irsa.cli import main, session

    file = directory / "irsa.yaml"
    file.write_text(config_text(stage.kube.cluster_uid(), **sections))
    monkeypatch.setenv("XDG_STATE_HOME", str(directory / "state"))
    monkeypatch.delenv("IRSA_AUDIT_LOG", raising=False)  # of a rig, in whose shell one works
    opened = {"open_kube": stage.kube, "open_aws": stage.aws, "open_web": stage.world.web}
    patient = partial(World, sleep=stage.clock.sleep, now=stage.clock.now)
    monkeypatch.setattr("irsa.provision.world.World", patient)
    for name, door in opened.items():
        monkeypatch.setattr(session, name, lambda *_, door=door, **__: door)
    return lambda *arguments: main([*arguments, "--config", str(file)])
