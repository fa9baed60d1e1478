"""
One review in, one answer out: decode, look up, patch.

A pod is never denied. When the fault is ours (a ServiceAccount that cannot be read, a bug), the
pod is allowed without a role, its creator is warned, and the failure is counted and logged: pods
must start while irsa is ill.
Never here: sockets, TLS.
"""

import logging
from enum import StrEnum

from msgspec import Struct

from irsa.errors import IrsaError
from irsa.injection.grants import DEFAULT_PREFIX, Grant, Refusal, Verdict
from irsa.injection.patch import Patch, note, patch
from irsa.injection.pods import Pod
from irsa.webhook import review
from irsa.webhook.directory import Directory, Unknown

logger = logging.getLogger(__name__)

PATIENCE = 5.0


class Outcome(StrEnum):
    """What became of a review."""

    mutated = "mutated"
    unchanged = "unchanged"
    no_role = "no_role"
    refused = "refused"
    ignored = "ignored"
    malformed = "malformed"
    failed = "failed"


class Reply(Struct, frozen=True, kw_only=True):
    """The HTTP answer, and what there is to log and count of it; never a token or a pod."""

    status: int = 200
    body: bytes
    outcome: Outcome
    uid: str = ""
    namespace: str = ""
    service_account: str = ""
    pod: str = ""
    reason: str = ""


class Question(Struct, frozen=True):
    """A review whose ServiceAccount is not known yet: the directory has to ask."""

    request: review.Request


class Handler:
    """
    Answers reviews.

    Args:
        directory: Knows what a ServiceAccount grants.
        prefix: What annotations begin with.
    """

    def __init__(self, directory: Directory, *, prefix: str = DEFAULT_PREFIX) -> None:
        self._directory = directory
        self._prefix = prefix

    def answer(self, body: bytes) -> Reply | Question:
        """The reply to an AdmissionReview, if its ServiceAccount is known."""
        try:
            request = review.decode(body)
        except review.ReviewError as error:
            return _malformed(error)
        if not request.creates_pod:
            return _allow(request, Outcome.ignored)
        pod = request.object
        try:
            if pod.is_mirror:
                return _allow(request, Outcome.ignored, pod=pod)
            verdict = self._directory.known(request.namespace, pod.service_account)
            if isinstance(verdict, Unknown):
                return Question(request)
            return _judged(request, pod, verdict, prefix=self._prefix)
        except Exception as error:  # noqa: BLE001 # a pod never pays for our faults
            return _failure(request, pod, error)

    async def settle(self, question: Question, *, patience: float = PATIENCE) -> Reply:
        """The reply after the directory has asked, within so many seconds."""
        request, pod = question.request, question.request.object
        try:
            verdict = await self._directory.find(
                request.namespace, pod.service_account, patience=patience
            )
            return _judged(request, pod, verdict, prefix=self._prefix)
        except Exception as error:  # noqa: BLE001 # a pod never pays for our faults
            return _failure(request, pod, error)


def _judged(request: review.Request, pod: Pod, verdict: Verdict, *, prefix: str) -> Reply:
    match verdict:
        case None:
            return _allow(request, Outcome.no_role, pod=pod)
        case Refusal(reason=reason):
            return _refused(request, pod, reason)
        case Grant():
            return _granted(request, pod, patch(pod, verdict, prefix=prefix))


def _failure(request: review.Request, pod: Pod, error: Exception) -> Reply:
    if isinstance(error, IrsaError):
        return _failed(request, pod, error.message)
    logger.error("review %s: a fault in irsa", request.uid, exc_info=error)
    return _failed(request, pod, "a fault in irsa; see the webhook's log")


def _granted(request: review.Request, pod: Pod, change: Patch) -> Reply:
    outcome = Outcome.mutated if change.operations else Outcome.unchanged
    reason = "; ".join(change.warnings) if change.warnings else ""
    return _allow(request, outcome, pod=pod, change=change, reason=reason)


def _refused(request: review.Request, pod: Pod, reason: str) -> Reply:
    account = f"{request.namespace}/{pod.service_account}"
    change = _warning(f"the role of ServiceAccount {account} was not injected: {reason}")
    return _allow(request, Outcome.refused, pod=pod, change=change, reason=reason)


def _failed(request: review.Request, pod: Pod, reason: str) -> Reply:
    warning = f"irsa: the pod starts without an AWS role: {reason}"
    change = Patch(operations=note(pod, reason), warnings=(warning,))
    return _allow(request, Outcome.failed, pod=pod, change=change, reason=reason)


def _warning(text: str) -> Patch:
    return Patch(warnings=(f"irsa: {text}",))


def _malformed(error: review.ReviewError) -> Reply:
    body = f"{error.message}\n".encode(errors="replace")
    return Reply(status=400, body=body, outcome=Outcome.malformed, reason=error.message)


_NOTHING = Patch()


def _allow(
    request: review.Request,
    outcome: Outcome,
    *,
    pod: Pod | None = None,
    change: Patch = _NOTHING,
    reason: str = "",
) -> Reply:
    body = review.answer(request.uid, operations=change.operations, warnings=change.warnings)
    return Reply(
        body=body,
        outcome=outcome,
        uid=request.uid,
        namespace=request.namespace,
        service_account=pod.service_account if pod else "",
        pod=pod.display_name if pod else "",
        reason=reason,
    )
