"""
The strict local AWS, where pods can reach it: on the node's own address.

Never here: what is asked of it.
"""

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.node import network
from tests.e2e.node.cluster import ROOT, Cluster

from irsa import files

REGION = "eu-west-1"
ACCOUNT = "111122223333"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws:
    """
    A local AWS that is up.

    Args:
        proxy: Where clients reach it.
        authority: The file with what they must trust.
        keys: The administrator's access key id and secret.
    """

    proxy: str
    authority: Path
    keys: tuple[str, str]

    def environment(self) -> dict[str, str]:
        """The variables that lead irsa and the AWS CLI to it."""
        key, secret = self.keys
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CA_BUNDLE": str(self.authority),
            "AWS_EC2_METADATA_DISABLED": "true",
            "HTTPS_PROXY": self.proxy,
            "NO_PROXY": network.NODE,
        }


def start(cluster: Cluster) -> Aws:
    """Start one beside the cluster."""
    directory = ROOT / "aws"
    directory.mkdir()
    keys = ("AKIAIOSFODNN7EXAMPLE", secrets.token_urlsafe(30))
    credentials = {"accessKeyId": keys[0], "secretAccessKey": keys[1]}
    file = directory / "credentials.json"
    files.write_atomic(file, json.dumps(credentials).encode(), mode=files.SECRET_MODE)
    program = [sys.executable, "-m", "irsa.local.aws", "--directory", str(directory)]
    account = ["--account", ACCOUNT, "--region", REGION, "--address", network.NODE]
    cluster.start("aws", [*program, *account])
    ready = directory / "ready.json"
    cluster.wait("the local AWS listens", ready.exists)
    said = json.loads(ready.read_text())
    return Aws(proxy=said["proxy"], authority=Path(said["ca"]), keys=keys)
