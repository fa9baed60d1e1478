"""A cluster in memory whose controllers work at once: Deployments, `caBundle`, the webhook."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.kube import FakeKube

from irsa.identity import jwks
from irsa.identity.keys import KeyKind, SigningKey
from irsa.kube.client import IssuedToken
from irsa.kube.objects import Object, Ref

SIGNING_KEY = SigningKey.generate(KeyKind.ec_p256)
OLD_KEY = SigningKey.generate(KeyKind.ec_p256)
ISSUER = "https://kubernetes.default.svc.cluster.local"


class FakeCluster(FakeKube):
    """
    FakeKube with everything that `apply` waits for.

    Attributes:
        asleep: Whether the controllers do nothing.
        issuer: What the API server signs with.
    """

    asleep = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sign_with(ISSUER)
        self.documents["/openid/v1/jwks"] = jwks.build((SIGNING_KEY.public, OLD_KEY.public))

    def sign_with(self, issuer: str) -> None:
        """Somebody changes the API server's issuer."""
        self.issuer = issuer
        self.documents["/.well-known/openid-configuration"] = json.dumps(
            {"issuer": issuer, "jwks_uri": f"{issuer}/openid/v1/jwks"}
        ).encode()

    def create_token(self, namespace: str, name: str, **options: Any) -> IssuedToken:
        super().create_token(namespace, name, **options)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "aud": list(options["audiences"]),
            "iat": now,
            "nbf": now,
            "exp": now + 600,
        }
        expires = datetime.now(UTC) + timedelta(seconds=600)
        return IssuedToken(token=SIGNING_KEY.sign_jwt(claims), expires=expires)

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
