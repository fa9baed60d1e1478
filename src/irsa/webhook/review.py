"""
AdmissionReview v1 on the wire: bytes -> Review, answer -> bytes.

Decoded is only what is read. What is not a review is told apart from a pod that is denied (which
never happens here): the first is HTTP 400.
Source: https://kubernetes.io/docs/reference/config-api/apiserver-admission.v1/
Never here: what a pod is given.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from irsa.errors import InputError, excerpt
from irsa.injection.patch import Operation
from irsa.injection.pods import Pod

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"


class ReviewError(InputError):
    """The body is not an AdmissionReview: HTTP 400."""


class Resource(Struct, frozen=True, kw_only=True):
    """Which resource the request is about."""

    group: str = ""
    version: str = ""
    resource: str = ""


class _Asked(Struct, frozen=True, kw_only=True, rename="camel"):
    """The part of the admission request that is read."""

    uid: str
    operation: str = ""
    resource: Resource = Resource()
    sub_resource: str = ""
    namespace: str = ""

    @property
    def creates_pod(self) -> bool:
        """Whether a pod is being created: everything else passes untouched."""
        pods = self.resource.group == "" and self.resource.resource == "pods"
        return pods and self.operation == "CREATE" and not self.sub_resource


class Request(_Asked, frozen=True, kw_only=True, rename="camel"):
    """A request; its object says something only where a pod is being created."""

    object: Pod


class _Anything(_Asked, frozen=True, kw_only=True, rename="camel"):
    """A request about whatever there is."""

    object: Raw = Raw()


class _Review(Struct, frozen=True, kw_only=True, rename="camel"):
    api_version: Literal["admission.k8s.io/v1"]
    kind: Literal["AdmissionReview"]


class _PodReview(_Review, frozen=True, kw_only=True, rename="camel"):
    request: Request


class _AnyReview(_Review, frozen=True, kw_only=True, rename="camel"):
    request: _Anything


class _Response(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Bytes in JSON are base64, for msgspec as for Kubernetes."""

    uid: str
    allowed: bool = True
    patch_type: str | UnsetType = UNSET
    patch: bytes | UnsetType = UNSET
    warnings: Sequence[str] | UnsetType = UNSET


class _Answer(Struct, frozen=True, kw_only=True, rename="camel"):
    api_version: str = API_VERSION
    kind: str = KIND
    response: _Response


_pod_reviews = msgspec.json.Decoder(_PodReview)
_any_reviews = msgspec.json.Decoder(_AnyReview)
_pods = msgspec.json.Decoder(Pod)
_encode = msgspec.json.Encoder().encode
# What msgspec raises on bytes that are not what is asked for, however hostile they are.
_MALFORMED = (msgspec.MsgspecError, ValueError, RecursionError)


def decode(body: bytes) -> Request:
    """
    The request in an AdmissionReview.

    Raises:
        ReviewError: The bytes are not an AdmissionReview v1 with a request, or the object that is
            created under `pods` is not a pod.
    """
    try:
        request = _pod_reviews.decode(body).request
    except _MALFORMED:
        request = _decode_in_steps(body)
    if not request.uid:
        raise ReviewError("the AdmissionReview has no uid")
    return request


def _decode_in_steps(body: bytes) -> Request:
    """What is not about a pod passes, and what is wrong is named."""
    try:
        asked = _any_reviews.decode(body).request
    except _MALFORMED as error:
        raise ReviewError(
            f"the body is not an AdmissionReview v1: {excerpt(str(error))}"
        ) from error
    return Request(
        uid=asked.uid,
        operation=asked.operation,
        resource=asked.resource,
        sub_resource=asked.sub_resource,
        namespace=asked.namespace,
        object=_decode_pod(asked.object) if asked.creates_pod else Pod(),
    )


def _decode_pod(text: Raw) -> Pod:
    try:
        return _pods.decode(text)
    except _MALFORMED as error:
        raise ReviewError(f"the object is not a pod: {excerpt(str(error))}") from error


def answer(
    uid: str, *, operations: Sequence[Operation] = (), warnings: Sequence[str] = ()
) -> bytes:
    """The AdmissionReview that allows a request, with a patch if there are operations."""
    if not operations:
        return _encode(_Answer(response=_Response(uid=uid, warnings=warnings or UNSET)))
    response = _Response(
        uid=uid,
        patch_type="JSONPatch",
        patch=_encode(operations),
        warnings=warnings or UNSET,
    )
    return _encode(_Answer(response=response))
