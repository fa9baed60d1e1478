"""
AdmissionReviews as an API server sends them, of three sizes, half for annotated ServiceAccounts.

The ServiceAccounts are numbered; the first three of each ten carry a role.
"""

import json
from dataclasses import dataclass
from typing import Any

SPACES = 50
ACCOUNT = "111122223333"
PATH = "/mutate?timeout=10s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a review is, and of what its pod consists."""

    name: str
    bytes: int
    containers: int
    init_containers: int = 0


SMALL = Size(name="2.8 KB", bytes=2_800, containers=1)
MEDIUM = Size(name="9.3 KB", bytes=9_300, containers=3, init_containers=1)
LARGE = Size(name="48 KB", bytes=48_000, containers=8, init_containers=1)
SIZES = (SMALL, MEDIUM, LARGE)


@dataclass(frozen=True, slots=True)
class Account:
    """The ServiceAccount of a number."""

    number: int

    @property
    def namespace(self) -> str:
        """Its namespace; all names are of one length."""
        return f"team-{self.number % SPACES:02}"

    @property
    def name(self) -> str:
        """Its name."""
        return f"sa-{self.number:06}"

    @property
    def annotated(self) -> bool:
        """Whether it carries a role."""
        return self.number % 10 < 3

    @property
    def role(self) -> str:
        """The ARN of that role."""
        return f"arn:aws:iam::{ACCOUNT}:role/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One request: its body, and what is to come of it."""

    uid: str
    body: bytes
    patched: bool

    @property
    def request(self) -> bytes:
        """It as a whole HTTP request."""
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: kube-apiserver-admission\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
            "Accept: application/json, */*\r\n\r\n"
        )
        return head.encode() + self.body


def alternating(size: Size, *, count: int = 16) -> list[Review]:
    """Reviews of one size for as many ServiceAccounts, one with a role, one without, and so on."""
    annotated = [each for each in map(Account, range(1000)) if each.annotated]
    plain = [each for each in map(Account, range(1000)) if not each.annotated]
    pairs = zip(annotated[: count // 2], plain[: count // 2], strict=True)
    return [review(size, account) for pair in pairs for account in pair]


def review(size: Size, account: Account) -> Review:
    """The review of a pod of that ServiceAccount."""
    return of_names(
        size,
        account.namespace,
        account.name,
        number=account.number,
        patched=account.annotated,
    )


def of_names(size: Size, namespace: str, name: str, *, number: int, patched: bool) -> Review:
    """The review of a pod of the ServiceAccount of that name, filled up to its size."""
    uid = f"9c1f5d1e-52a1-4f7e-9d3b-{number:012}"
    pod = _pod(size, namespace, name)
    missing = size.bytes - len(_encode(_around(pod, namespace, uid)))
    containers = pod["spec"]["containers"] + pod["spec"].get("initContainers", [])
    lines = max(missing // 120, 0)
    for line in range(lines):
        value = {"name": f"FEATURE_{line:04}_SETTINGS", "value": "x" * 76}
        containers[line % len(containers)]["env"].append(value)
    missing = size.bytes - len(_encode(_around(pod, namespace, uid)))
    pod["metadata"]["annotations"]["checksum/config"] += "0" * max(missing, 0)
    return Review(uid=uid, body=_encode(_around(pod, namespace, uid)), patched=patched)


def _encode(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _around(pod: dict[str, Any], namespace: str, uid: str) -> dict[str, Any]:
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    creator = "system:serviceaccount:kube-system:replicaset-controller"
    groups = ["system:serviceaccounts", "system:serviceaccounts:kube-system"]
    request = {
        "uid": uid,
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "namespace": namespace,
        "operation": "CREATE",
        "userInfo": {"username": creator, "groups": [*groups, "system:authenticated"]},
        "object": pod,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def _pod(size: Size, namespace: str, name: str) -> dict[str, Any]:
    metadata = {
        "generateName": "web-6d4b75cb6d-",
        "namespace": namespace,
        "labels": {"app": "web", "pod-template-hash": "6d4b75cb6d"},
        "annotations": {"checksum/config": "e3b0c442"},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web-6d4b75cb6d",
                "uid": "0d1f7c52-8f5b-4f0e-a3c1-6c2f0b1a9e77",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    spec: dict[str, Any] = {
        "volumes": [{"name": "kube-api-access-x7q2m", "projected": _projected()}],
        "containers": [_container(f"c{number}") for number in range(size.containers)],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": name,
        "serviceAccount": name,
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    if size.init_containers:
        spec["initContainers"] = [_container(f"i{each}") for each in range(size.init_containers)]
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": {}}


def _projected() -> dict[str, Any]:
    token = {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    return {"sources": [token, {"configMap": authority}], "defaultMode": 420}


def _container(name: str) -> dict[str, Any]:
    mount = "/var/run/secrets/kubernetes.io/serviceaccount"
    return {
        "name": name,
        "image": "registry.example.com/team/web:1.4.2",
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m"}},
        "volumeMounts": [{"name": "kube-api-access-x7q2m", "readOnly": True, "mountPath": mount}],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
