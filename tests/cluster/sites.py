"""
A configuration on a rig, and `irsa` on it; what provisioning tests share.

Every site has names of its own: the tests share one cluster and one account.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from irsa.kube.objects import Ref

REGION = "eu-west-1"
POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@dataclass(kw_only=True)
class Site:
    """A configuration file, and the rig it is for."""

    rig: Any
    name: str
    file: Path
    sections: dict[str, Any] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        return f"{self.name}-issuer"

    @property
    def role(self) -> str:
        return f"{self.name}-shop-{self.name}"

    def write(self, **sections: Any) -> None:
        """Write the configuration; `sections` replace its own."""
        document = {
            "apiVersion": "irsa/v1",
            "cluster": {"name": self.name, "uid": self.rig.kube.cluster_uid()},
            "aws": {"account": self.rig.env["IRSA_TEST_ACCOUNT"], "region": REGION},
            "issuer": {"publish": "s3", "bucket": self.bucket},
            "injection": {"engine": "none"},
            "roles": [{"serviceAccounts": [f"shop/{self.name}"], "policies": [POLICY]}],
        }
        self.file.write_text(json.dumps(document | self.sections | sections))

    def irsa(self, command: str, *options: str, **more: Any) -> CompletedProcess[str]:
        return self.rig.irsa(command, "--config", str(self.file), *options, **more)

    def apply(self) -> CompletedProcess[str]:
        return self.irsa("apply", "--yes")

    def destroy(self, *options: str, check: bool = True) -> CompletedProcess[str]:
        sure = ("--confirm-name", self.name, "--delete-bucket")
        return self.irsa("destroy", *sure, *options, check=check)

    def plan(self) -> dict[str, Any]:
        return json.loads(self.irsa("plan", "--output", "json").stdout)


def public_bucket(rig: Any, name: str, prefix: str = "") -> str:
    """A bucket of somebody else's, whose objects all the world can read; its URL."""
    s3 = rig.boto("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    public = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [public]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return f"https://{name}.s3.{REGION}.amazonaws.com{prefix}"


@contextmanager
def late(rig: Any, *delays: str) -> Iterator[None]:
    """AWS sees things late for a while, such as iam=4s."""
    rig.irsa("local", "delay", "--name", rig.name, *delays)
    try:
        yield
    finally:
        rig.irsa("local", "delay", "--name", rig.name, "iam=0s", "jwks=0s")


@contextmanager
def site(rig: Any, directory: Path, name: str, **sections: Any) -> Iterator[Site]:
    """A site that is destroyed at the end."""
    rig.env["IRSA_TEST_ACCOUNT"] = rig.status["account"]
    made = Site(rig=rig, name=name, file=directory / "irsa.yaml", sections=sections)
    if rig.kube.get(Ref("v1", "Namespace", "shop")) is None:
        rig.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    made.write()
    try:
        yield made
    finally:
        made.write()
        made.destroy("--override", "pods-in-use", "--reason", "the test is over")
