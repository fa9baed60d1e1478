"""
Kubernetes objects as plain JSON values, and where each kind lives in the API.

Never here: behaviour, requests, knowledge of IRSA.
"""

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from irsa.errors import InputError

Object = dict[str, Any]

# What happens to what an object owns, when it is deleted.
# https://kubernetes.io/docs/concepts/architecture/garbage-collection/
Propagation = Literal["Background", "Foreground", "Orphan"]

# The resource name of each kind in the API's paths. The API serves this as discovery documents;
# a table spares a request for each group, and only kinds of Kubernetes itself are needed.
_NAMESPACED = {
    "ConfigMap": "configmaps",
    "ControllerRevision": "controllerrevisions",
    "CronJob": "cronjobs",
    "DaemonSet": "daemonsets",
    "Deployment": "deployments",
    "EndpointSlice": "endpointslices",
    "Endpoints": "endpoints",
    "Event": "events",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "Ingress": "ingresses",
    "Job": "jobs",
    "Lease": "leases",
    "LimitRange": "limitranges",
    "LocalSubjectAccessReview": "localsubjectaccessreviews",
    "NetworkPolicy": "networkpolicies",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Pod": "pods",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "PodTemplate": "podtemplates",
    "ReplicaSet": "replicasets",
    "ReplicationController": "replicationcontrollers",
    "ResourceQuota": "resourcequotas",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "StatefulSet": "statefulsets",
}
_CLUSTER_WIDE = {
    "APIService": "apiservices",
    "CertificateSigningRequest": "certificatesigningrequests",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "CustomResourceDefinition": "customresourcedefinitions",
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "Namespace": "namespaces",
    "Node": "nodes",
    "PersistentVolume": "persistentvolumes",
    "PriorityClass": "priorityclasses",
    "RuntimeClass": "runtimeclasses",
    "SelfSubjectAccessReview": "selfsubjectaccessreviews",
    "SelfSubjectReview": "selfsubjectreviews",
    "SelfSubjectRulesReview": "selfsubjectrulesreviews",
    "StorageClass": "storageclasses",
    "SubjectAccessReview": "subjectaccessreviews",
    "TokenReview": "tokenreviews",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}


@dataclass(frozen=True, slots=True)
class Ref:
    """
    Which object: API version, kind, name, and the namespace where the kind has one.

    Args:
        namespace: Ignored for kinds that are cluster-wide.
    """

    api_version: str
    kind: str
    name: str
    namespace: str | None = None

    @classmethod
    def of(cls, obj: Object) -> "Ref":
        """
        The reference to an object.

        Raises:
            InputError: The object has no apiVersion, kind or metadata.name.
        """
        metadata = obj.get("metadata") or {}
        api_version, kind, name = obj.get("apiVersion"), obj.get("kind"), metadata.get("name")
        if not (api_version and kind and name):
            raise InputError(
                f"not a Kubernetes object: apiVersion {api_version!r}, kind {kind!r}, name {name!r}"
            )
        return cls(api_version, kind, name, metadata.get("namespace"))

    @property
    def path(self) -> str:
        """
        The object's path in the API.

        Raises:
            InputError: The kind is unknown, or lives in a namespace and none is given.
        """
        if self.namespace is None and is_namespaced(self.kind):
            raise InputError(f"{self.kind} {self.name} needs a namespace")
        collection = collection_path(self.api_version, self.kind, self.namespace)
        return f"{collection}/{quote(self.name, safe=':')}"

    def __str__(self) -> str:
        place = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.kind} {self.name}{place}"


def is_namespaced(kind: str) -> bool:
    """
    Whether objects of this kind live in a namespace.

    Raises:
        InputError: The kind is unknown.
    """
    _resource(kind)
    return kind in _NAMESPACED


def collection_path(api_version: str, kind: str, namespace: str | None = None) -> str:
    """
    The path of all objects of a kind; those of one namespace where one is given and has a meaning.

    Raises:
        InputError: The kind is unknown.
    """
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    resource = _resource(kind)
    if namespace is None or kind not in _NAMESPACED:
        return f"{root}/{resource}"
    return f"{root}/namespaces/{quote(namespace, safe='')}/{resource}"


def _resource(kind: str) -> str:
    resource = _NAMESPACED.get(kind) or _CLUSTER_WIDE.get(kind)
    if resource is None:
        raise InputError(f"{kind!r} is not a kind of Kubernetes object that irsa knows")
    return resource
