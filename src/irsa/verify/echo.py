"""
The s3-echoer: a Job that runs the AWS CLI, learns who it is, and writes that to S3.

The object's key ends in the caller's `aws:userid`, so a policy that allows only
`…/${aws:userid}` lets S3 itself vouch for the caller.
Never here: creating anything.
"""

from dataclasses import dataclass

from irsa.kube.objects import Object

LABEL = "irsa/verify"
CONTAINER = "s3-echoer"
DEFAULT_IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.31.0"
PREFIX = "irsa-verify"

_CA_DIRECTORY = "/etc/irsa-verify"
_WORK_DIRECTORY = "/var/lib/irsa-verify"

# AWS learns of a new role or provider within seconds, not at once: hence the attempts.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
_SCRIPT = """\
set -u
attempt=1
until caller=$(aws sts get-caller-identity --query '[UserId,Arn]' --output text); do
  [ "$attempt" -lt "$ATTEMPTS" ] || exit 1
  attempt=$((attempt + 1))
  sleep 5
done
set -e
printf '%s\\n' "$caller" > caller
attempt=1
until aws s3api put-object --bucket "$BUCKET" --key "$KEY_PREFIX/${caller%%[[:space:]]*}" \\
  --body caller --content-type text/plain > /dev/null; do
  [ "$attempt" -lt "$WRITES" ] || exit 1
  attempt=$((attempt + 1))
  sleep 5
done
cp caller /dev/termination-log
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """How pods reach AWS where they cannot do so directly."""

    proxy: str | None = None
    no_proxy: str | None = None
    ca_pem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """
    One proof: which ServiceAccount writes to which bucket.

    Args:
        run: A short random name for what this run makes.
        attempts: How often the pod asks STS who it is, five seconds apart.
        writes: How often it tries to write, five seconds apart.
    """

    run: str
    namespace: str
    service_account: str
    bucket: str
    image: str = DEFAULT_IMAGE
    egress: Egress = Egress()
    attempts: int = 24
    writes: int = 6

    @property
    def name(self) -> str:
        """The name of the Job and of its ConfigMap."""
        return f"irsa-verify-{self.run}"

    @property
    def key_prefix(self) -> str:
        """What the object's key begins with; the caller's user id follows."""
        return f"{PREFIX}/{self.run}"

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which a later run finds what an interrupted one left."""
        return {LABEL: self.run}

    def job(self) -> Object:
        """The Job: one pod, no retries of Kubernetes' own, restricted security context."""
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": self.labels},
            "spec": {
                "backoffLimit": 0,
                "ttlSecondsAfterFinished": 3600,
                "template": {"metadata": {"labels": self.labels}, "spec": self._pod_spec()},
            },
        }

    def config_map(self) -> Object | None:
        """The ConfigMap with the private CA that the pod must trust; None if there is none."""
        if self.egress.ca_pem is None:
            return None
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": self.labels},
            "data": {"ca.pem": self.egress.ca_pem},
        }

    def _pod_spec(self) -> Object:
        mounts = [{"name": "work", "mountPath": _WORK_DIRECTORY}]
        volumes: list[Object] = [{"name": "work", "emptyDir": {}}]
        if self.egress.ca_pem is not None:
            mounts.append({"name": "ca", "mountPath": _CA_DIRECTORY})
            volumes.append({"name": "ca", "configMap": {"name": self.name}})
        return {
            "serviceAccountName": self.service_account,
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [self._container(mounts)],
            "volumes": volumes,
        }

    def _container(self, mounts: list[dict[str, str]]) -> Object:
        return {
            "name": CONTAINER,
            "image": self.image,
            "command": ["/bin/sh", "-c", _SCRIPT],
            "workingDir": _WORK_DIRECTORY,
            "env": [{"name": name, "value": value} for name, value in self._environment()],
            "volumeMounts": mounts,
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }

    def _environment(self) -> list[tuple[str, str]]:
        values = {
            "HOME": _WORK_DIRECTORY,
            "BUCKET": self.bucket,
            "KEY_PREFIX": self.key_prefix,
            "ATTEMPTS": str(self.attempts),
            "WRITES": str(self.writes),
            # Without a role the CLI would look for the node's, and wait for it.
            "AWS_EC2_METADATA_DISABLED": "true",
            "HTTPS_PROXY": self.egress.proxy,
            "NO_PROXY": self.egress.no_proxy,
            "AWS_CA_BUNDLE": f"{_CA_DIRECTORY}/ca.pem" if self.egress.ca_pem else None,
        }
        return [(name, value) for name, value in values.items() if value is not None]
