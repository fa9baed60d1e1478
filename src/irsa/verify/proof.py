"""
Run the proof: make what is missing, let the pod write, read back what it wrote, clean up.

Never here: printing; progress goes to whoever asked.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

from irsa.aws.call import Call
from irsa.aws.client import Aws
from irsa.config import Config
from irsa.errors import ProofError
from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref
from irsa.verify import pod, temporary
from irsa.verify.echo import LABEL, Echo
from irsa.verify.patient import PatientAws
from irsa.verify.temporary import Temporary

Progress = Callable[[str], AbstractContextManager[None]]


def _nobody(text: str) -> None:
    """Tell nobody."""


_MADE_IN_CLUSTER = (("batch/v1", "Job"), ("v1", "ConfigMap"), ("v1", "ServiceAccount"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """
    What was proved: a pod of this ServiceAccount wrote this object.

    Args:
        caller: The caller's ARN: an assumed role, and the name of its session.
        vouched_by: `s3` when the role's policy let S3 compare the caller with the object's key
            before it accepted it; `sts` when the role was given, and STS told the pod.
        size: Bytes, as S3 counts them.
    """

    service_account: str
    bucket: str
    key: str
    size: int
    caller: str
    vouched_by: str

    def to_json(self) -> dict[str, object]:
        """The proof as plain values for scripts."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """
    One verification of the chain on a cluster.

    Args:
        echo: What the pod does.
        given_service_account: The ServiceAccount exists and has its role already.
        given_bucket: The bucket exists, and the given role may write to it.
        seconds: How long the pod may take.
        say: Told what is waited for.
    """

    config: Config
    kube: Kube
    aws: Aws
    echo: Echo
    given_service_account: bool = False
    given_bucket: bool = False
    seconds: float = 300
    say: Callable[[str], None] = field(default=_nobody)

    def run(self, progress: Progress) -> Proof:
        """
        Prove the chain, and remove what was made for it whatever happens.

        Raises:
            ProofError: The pod did not get its role, or could not write; the message says why.
            AwsError: AWS refused what the verification itself needs.
            KubeError: Kubernetes refused it.
        """
        with progress("look for what an interrupted verification left"):
            self._sweep()
        try:
            with progress(f"make what the pod needs (run {self.echo.run})"):
                self._prepare()
            with progress(
                f"a pod of {self.echo.namespace}/{self.echo.service_account} writes to S3"
            ):
                told = pod.outcome(self.kube, self.echo, seconds=self.seconds)
            return self._read_back(told)
        finally:
            with progress("clean up"):
                self._clean_up(self._temporary, self.echo)

    @cached_property
    def _patient(self) -> PatientAws:
        return PatientAws(self.aws, say=self.say)

    @property
    def _temporary(self) -> Temporary:
        return Temporary(config=self.config, run=self.echo.run)

    def _prepare(self) -> None:
        if not self.given_service_account:
            for call in self._temporary.role_calls(self.echo):
                self._patient.call(call)
            self.kube.create(self._service_account())
        if not self.given_bucket:
            self._patient.call(self._temporary.bucket_call())
        config_map = self.echo.config_map()
        if config_map:
            self.kube.create(config_map)
        self.kube.create(self.echo.job())

    def _service_account(self) -> Object:
        prefix = self.config.injection.annotation_prefix
        return {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {
                "name": self.echo.service_account,
                "namespace": self.echo.namespace,
                "labels": self.echo.labels,
                "annotations": {f"{prefix}/role-arn": self._temporary.role_arn},
            },
        }

    def _read_back(self, told: str) -> Proof:
        user_id, _, arn = told.strip().partition("\t")
        key = f"{self.echo.key_prefix}/{user_id}"
        where = {"Bucket": self.echo.bucket, "Key": key}
        found = self.aws.read(Call(service="s3", operation="GetObject", params=where))
        if found is None:
            raise ProofError(
                f"the pod says that it wrote s3://{self.echo.bucket}/{key}, "
                "but there is no such object"
            )
        if found["Body"].decode(errors="replace").strip() != told.strip():
            raise ProofError(f"s3://{self.echo.bucket}/{key} does not hold what the pod wrote")
        return Proof(
            service_account=f"{self.echo.namespace}/{self.echo.service_account}",
            bucket=self.echo.bucket,
            key=key,
            size=found["ContentLength"],
            caller=arn,
            vouched_by="sts" if self.given_service_account else "s3",
        )

    def _sweep(self) -> None:
        runs = {left.run for left in temporary.left_behind(self.config, self.aws)}
        runs |= self._runs_in_cluster()
        for run in runs:
            left = Temporary(config=self.config, run=run)
            self._clean_up(left, replace(self.echo, run=run, service_account=left.role))

    def _runs_in_cluster(self) -> set[str]:
        return {
            found["metadata"]["labels"][LABEL]
            for api_version, kind in _MADE_IN_CLUSTER
            for found in self.kube.list(
                api_version, kind, namespace=self.echo.namespace, label_selector=LABEL
            )
        }

    def _clean_up(self, left: Temporary, echo: Echo) -> None:
        for api_version, kind in _MADE_IN_CLUSTER:
            for found in self.kube.list(
                api_version, kind, namespace=echo.namespace, label_selector=f"{LABEL}={echo.run}"
            ):
                self.kube.delete(Ref.of({"apiVersion": api_version, "kind": kind, **found}))
        left.remove(self._patient)
        if self.given_bucket:
            bucket = {"Bucket": echo.bucket}
            temporary.remove_objects(self.aws, bucket, prefix=f"{echo.key_prefix}/")
