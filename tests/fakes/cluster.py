"""A cluster in memory whose controllers work at once: Deployments, `caBundle`, the webhook."""

from typing import Any

from tests.fakes.kube import FakeKube

from irsa.kube.objects import Object, Ref


class FakeCluster(FakeKube):
    """
    FakeKube with everything that `apply` waits for.

    Attributes:
        asleep: Whether the controllers do nothing.
    """

    asleep = False

    def apply(self, obj: Any, **options: Any) -> Object:
        try:
            return super().apply(obj, **options)
        finally:  # the controllers do not care whether whoever applied it is still alive
            if not options.get("dry_run"):
                self._reconcile(Ref.of(obj))

    def create(self, obj: Any, *, dry_run: bool = False) -> Object:
        made = super().create(obj, dry_run=dry_run)
        return self._injected(made) if made["kind"] == "Pod" else made

    def put(self, api_version: str, kind: str, name: str, **more: Any) -> Object:
        """Somebody else applies an object."""
        metadata = {"name": name} | more.pop("metadata", {})
        made = {"apiVersion": api_version, "kind": kind, "metadata": metadata} | more
        return super().apply(made, field_manager="somebody")

    def _reconcile(self, ref: Ref) -> None:
        found = self.get(ref)
        if self.asleep or found is None:
            return
        if ref.kind == "Deployment":
            count = found["spec"]["replicas"]
            found["status"] = {"updatedReplicas": count, "availableReplicas": count}
        elif ref.kind == "MutatingWebhookConfiguration":
            for webhook in found["webhooks"]:
                webhook["clientConfig"]["caBundle"] = "UEVN"
        else:
            return
        observer, self._observer = self._observer, None  # it is not irsa that does this
        super().apply(found, field_manager="controller", force=True)
        self._observer = observer

    def _injected(self, pod: Object) -> Object:
        name, namespace = pod["spec"]["serviceAccountName"], pod["metadata"]["namespace"]
        account = self.get(Ref("v1", "ServiceAccount", name, namespace)) or {"metadata": {}}
        role = account["metadata"].get("annotations", {}).get("eks.amazonaws.com/role-arn")
        if role and not self.asleep:
            variable = {"name": "AWS_ROLE_ARN", "value": role}
            pod["spec"]["containers"][0]["env"] = [variable]
        return pod
