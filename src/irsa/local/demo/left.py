"""
Whether anything is left after `irsa destroy`: asked of AWS with the AWS CLI, and of Kubernetes.

Never here: removing it.
"""

from irsa.kube.client import Kube
from irsa.local.demo.shell import Shell

_AWS = (
    ("iam", "list-open-id-connect-providers", "OpenIDConnectProviderList[].Arn"),
    # AWS's own, which IAM Identity Center made, are there from the start.
    ("iam", "list-roles", 'Roles[?!contains(Path, `"aws-reserved"`)].Arn'),
    ("s3api", "list-buckets", "Buckets[].Name"),
)
_CLUSTER = (
    ("v1", "Namespace"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
)


def in_aws(shell: Shell) -> list[str]:
    """The providers, roles and buckets of the account: on the rig there must be none."""
    found: list[str] = []
    for service, operation, query in _AWS:
        text = shell.run("aws", service, operation, "--query", query, "--output", "text")
        found += [word for word in text.split() if word != "None"]
    return found


def in_cluster(kube: Kube) -> list[str]:
    """The objects that carry our label."""
    return [
        f"{kind} {found['metadata']['name']}"
        for api_version, kind in _CLUSTER
        for found in kube.list(api_version, kind, label_selector="irsa/cluster-uid")
    ]
