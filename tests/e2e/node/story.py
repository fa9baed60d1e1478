"""
What is shown on the node, from `irsa apply` to `irsa destroy`.

Never here: the node itself.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.e2e.node import application, callers, images, measure
from tests.e2e.node.aws import ACCOUNT, REGION, Aws
from tests.e2e.node.cluster import Cluster
from tests.e2e.node.faults import Faults
from tests.e2e.node.issuers import IssuerChange
from tests.e2e.node.waiting import Failed, say
from tests.e2e.node.writers import Writers

from irsa.injection.settings import CLUSTER_UID_LABEL, CONTROLLER, DEFAULT_NAMESPACE, WEBHOOK
from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref
from irsa.local.demo import left
from irsa.local.demo.shell import Shell

NAME = "node"
ISSUER_BUCKET = "node-issuer"
ISSUER = f"https://{ISSUER_BUCKET}.s3.{REGION}.amazonaws.com"
LOCAL_ISSUER = "https://kubernetes.default.svc.cluster.local"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{NAME}-writer"
LEAST_PODS = 60


class Quiet:
    """Nobody watches; what fails is told by the error."""

    width = 200

    def chapter(self, title: str) -> None:
        """As a story would have it."""

    def say(self, text: str) -> None:
        """As a story would have it."""

    def command(self, line: str) -> None:
        """Say what runs."""
        say(line)

    def output(self, line: str) -> None:
        """Say what took its time; the rest is not worth a line of ours."""
        if line.startswith("✓") and "(0." not in line:
            say(f"  {line}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The story, on a cluster and a local AWS that are up."""

    cluster: Cluster
    kube: Kube
    shell: Shell
    aws: Aws

    def tell(self) -> str:
        """
        Tell it; what was shown, in a sentence.

        Raises:
            Failed: Something is not as it must be.
        """
        self._prepare()
        self._irsa("apply", "--yes")
        for name in (WEBHOOK, CONTROLLER):
            self._until_available(name)
        say(f"both replicas of {WEBHOOK} are ready, and the controller")
        change = IssuerChange(
            cluster=self.cluster, kube=self.kube, shell=self.shell, old=LOCAL_ISSUER, new=ISSUER
        )
        change.there()
        shown = self._write()
        for line in measure.usage(self.kube):
            say(line)
        self._verify()
        self._clear()
        change.back()
        self._destroy()
        return shown

    def _prepare(self) -> None:
        """What is there before irsa: a bucket, and an application's namespace."""
        self.shell.run("aws", "s3", "mb", f"s3://{application.BUCKET}")
        self.kube.create(_restricted(application.NAMESPACE))
        # Given to irsa, as its own words have it: the webhook's pods are to pass there, too.
        given = {CLUSTER_UID_LABEL: self.kube.cluster_uid()}
        self.kube.create(_restricted(DEFAULT_NAMESPACE, **given))
        self.kube.create(application.authority(self.aws.authority.read_text()))
        (self.shell.directory / "irsa.yaml").write_text(json.dumps(self._configuration()))

    def _configuration(self) -> dict[str, Any]:
        write = {
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{application.BUCKET}/*",
        }
        account = f"{application.NAMESPACE}/{application.SERVICE_ACCOUNT}"
        role = {
            "serviceAccounts": [account],
            "name": f"{NAME}-writer",
            "inlinePolicy": {"Version": "2012-10-17", "Statement": [write]},
        }
        return {
            "apiVersion": "irsa/v1",
            "cluster": {"name": NAME, "uid": self.kube.cluster_uid()},
            "aws": {"account": ACCOUNT, "region": REGION},
            "issuer": {"publish": "s3", "bucket": ISSUER_BUCKET},
            # No pod without its role: while no replica answers, pods are refused and tried again.
            "injection": {
                "engine": "webhook",
                "image": images.IRSA,
                "webhook": {"failurePolicy": "Fail"},
            },
            "roles": [role],
        }

    def _until_available(self, name: str) -> None:
        ref = Ref("apps/v1", "Deployment", name, DEFAULT_NAMESPACE)

        def available() -> bool:
            found = self.kube.get(ref) or {}
            wanted = found.get("spec", {}).get("replicas")
            return wanted is not None and found["status"].get("availableReplicas") == wanted

        self.cluster.wait(f"{name} is available", available)

    def _write(self) -> str:
        """Pods are created all the time, while replicas are killed and the CA is rolled."""
        writers = Writers(
            kube=self.kube,
            pod=partial(application.pod, proxy=self.aws.proxy),
            namespace=application.NAMESPACE,
            name="writer",
        )
        faults = Faults(kube=self.kube, socket=self.cluster.socket, wait=self.cluster.wait)
        writers.start()
        writers.wait_for(5, self.cluster.wait)
        for replica in [pod["metadata"]["name"] for pod in faults.replicas()]:
            faults.kill(replica)
            say(f"{replica} was killed and serves again; {len(writers.created)} pods so far")
        faults.roll_certificate()
        say(f"the CA was rolled; {len(writers.created)} pods so far")
        writers.wait_for(LEAST_PODS, self.cluster.wait)
        writers.stop()
        return self._judge(writers)

    def _judge(self, writers: Writers) -> str:
        if lacking := writers.lacking(ROLE):
            raise Failed(f"pods without their role: {', '.join(lacking)}")
        writers.wait_until_done(self.cluster.wait)
        self._judge_objects(writers.created)
        return (
            f"{len(writers.created)} pods each wrote an object with their own role"
            f" ({len(writers.refusals)} creations were refused and tried again)"
        )

    def _judge_objects(self, names: Iterable[str]) -> None:
        """What each pod saw: its own role, and a token that it alone may read."""
        directory = self.shell.directory / "objects"
        self.shell.run("aws", "s3", "sync", f"s3://{application.BUCKET}", str(directory))
        caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/{NAME}-writer/"
        expected = {"user": application.USER, "owner": application.USER, "mode": "-rw-------"}
        for name in names:
            seen = json.loads((directory / name).read_text())
            if not seen.pop("caller").startswith(caller) or seen != expected:
                raise Failed(f"{name} wrote {(directory / name).read_text()}")

    def _verify(self) -> None:
        options = ["--image", images.APPLICATION, "--proxy", self.aws.proxy]
        self._irsa("verify", *options, "--ca-bundle", str(self.aws.authority))

    def _clear(self) -> None:
        """Take the application away."""
        refs = [Ref("v1", "Namespace", each) for each in (application.NAMESPACE, callers.NAMESPACE)]
        for ref in refs:
            self.kube.delete(ref)
        self.cluster.wait("the namespaces are gone", lambda: not any(map(self.kube.get, refs)))

    def _destroy(self) -> None:
        """Take irsa away: nothing of it may stay."""
        self._irsa("destroy", "--yes", "--confirm-name", NAME, "--delete-bucket")
        self.shell.run("aws", "s3", "rb", "--force", f"s3://{application.BUCKET}")
        if remains := left.in_aws(self.shell) + left.in_cluster(self.kube):
            raise Failed(f"left behind by destroy: {', '.join(remains)}")

    def _irsa(self, *arguments: str) -> None:
        self.shell.run("irsa", *arguments)


def _restricted(name: str, **labels: str) -> Object:
    """A namespace where only pods of the restricted kind are let in."""
    labels |= {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
