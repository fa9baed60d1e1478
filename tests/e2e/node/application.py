"""
The application: a pod without root that writes one object to S3, with boto3 and nothing set up.

The object says what the pod saw: who AWS takes it for, and how its token lies there.
Never here: creating anything.
"""

from typing import Any

from tests.e2e.node.images import APPLICATION

from irsa.kube.objects import Object

NAMESPACE = "shop"
SERVICE_ACCOUNT = "writer"
BUCKET = "node-objects"
AUTHORITY = "aws-authority"
USER = 1000
_DIRECTORY = "/etc/aws-authority"
_SCRIPT = """\
import json, os, stat
import boto3

token = os.stat(os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"])
seen = {
    "caller": boto3.client("sts").get_caller_identity()["Arn"],
    "user": os.getuid(),
    "owner": token.st_uid,
    "mode": stat.filemode(token.st_mode),
}
body = json.dumps(seen).encode()
boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=os.environ["POD"], Body=body)
"""


def authority(pem: str) -> Object:
    """What the pods must trust to reach the local AWS."""
    metadata = {"name": AUTHORITY, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.pem": pem}}


def pod(name: str, *, proxy: str) -> Object:
    """One writer; proxy and authority are its own business, the role is not."""
    environment = {
        "BUCKET": BUCKET,
        "POD": name,
        "HTTPS_PROXY": proxy,
        "AWS_CA_BUNDLE": f"{_DIRECTORY}/ca.pem",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": "writer"}},
        "spec": {
            "serviceAccountName": SERVICE_ACCOUNT,
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": [{"name": "authority", "configMap": {"name": AUTHORITY}}],
            "containers": [_container(environment)],
        },
    }


def _container(environment: dict[str, str]) -> dict[str, Any]:
    return {
        "name": "writer",
        "image": APPLICATION,
        "command": ["python3", "-c", _SCRIPT],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "volumeMounts": [{"name": "authority", "mountPath": _DIRECTORY, "readOnly": True}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def has_role(found: Object, role_arn: str) -> bool:
    """Whether a pod carries its role: both variables, the volume, and its mount."""
    container = found["spec"]["containers"][0]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    token = variables.get("AWS_WEB_IDENTITY_TOKEN_FILE") or ""
    mounts = [each for each in container["volumeMounts"] if token.startswith(each["mountPath"])]
    volumes = {each["name"]: each for each in found["spec"]["volumes"]}
    return (
        variables.get("AWS_ROLE_ARN") == role_arn
        and len(mounts) == 1
        and "projected" in volumes.get(mounts[0]["name"], {})
    )
