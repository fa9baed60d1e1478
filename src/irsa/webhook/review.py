"""
AdmissionReview v1 on the wire: bytes -> Review, answer -> bytes.

Decoded is only what is read. What is not a review is told apart from a pod that is denied (which
never happens here): the first is HTTP 400.
Source: https://kubernetes.io/docs/reference/config-api/apiserver-admission.v1/
Never here: what a pod is given.
"""

import binascii
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from irsa.errors import InputError, excerpt
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


class Request(Struct, frozen=True, kw_only=True, rename="camel"):
    """The part of the admission request that is read."""

    uid: str
    operation: str = ""
    resource: Resource = Resource()
    sub_resource: str = ""
    namespace: str = ""
    object: Raw = Raw()

    @property
    def creates_pod(self) -> bool:
        """Whether a pod is being created: everything else passes untouched."""
        pods = self.resource.group == "" and self.resource.resource == "pods"
        return pods and self.operation == "CREATE" and not self.sub_resource


class Review(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the API server asks."""

    api_version: Literal["admission.k8s.io/v1"]
    kind: Literal["AdmissionReview"]
    request: Request


_reviews = msgspec.json.Decoder(Review)
_pods = msgspec.json.Decoder(Pod)
_encode = msgspec.json.Encoder().encode
# What msgspec raises on bytes that are not what is asked for, however hostile they are.
_MALFORMED = (msgspec.MsgspecError, ValueError, RecursionError)


def decode(body: bytes) -> Request:
    """
    The request in an AdmissionReview.

    Raises:
        ReviewError: The bytes are not an AdmissionReview v1 with a request.
    """
    try:
        request = _reviews.decode(body).request
    except _MALFORMED as error:
        raise ReviewError(
            f"the body is not an AdmissionReview v1: {excerpt(str(error))}"
        ) from error
    if not request.uid:
        raise ReviewError("the AdmissionReview has no uid")
    return request


def decode_pod(request: Request) -> Pod:
    """
    The pod that is being created.

    Raises:
        ReviewError: The object is not a pod.
    """
    try:
        return _pods.decode(request.object)
    except _MALFORMED as error:
        raise ReviewError(f"the object is not a pod: {excerpt(str(error))}") from error


def answer(
    uid: str, *, operations: Sequence[dict[str, Any]] = (), warnings: Sequence[str] = ()
) -> bytes:
    """The AdmissionReview that allows a request, with a patch if there are operations."""
    response: dict[str, Any] = {"uid": uid, "allowed": True}
    if operations:
        patch = binascii.b2a_base64(_encode(operations), newline=False).decode()
        response |= {"patchType": "JSONPatch", "patch": patch}
    if warnings:
        response["warnings"] = list(warnings)
    return _encode({"apiVersion": API_VERSION, "kind": KIND, "response": response})
