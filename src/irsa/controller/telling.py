"""
Tell of pods without their role, by Events and lines in the log.

Some pods of each owner get an Event of their own, and the owner one for all of them: a Deployment
of a thousand pods must not fill etcd with a thousand, and a Job that fails every minute must not
make one for each of its pods.
Never here: which pods these are, how an Event is written.
"""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from irsa.controller.events import About, Events
from irsa.controller.held import is_overload
from irsa.controller.pods import Bare
from irsa.errors import KubeError
from irsa.kube.objects import Ref

logger = logging.getLogger(__name__)

REASON = "RoleMissing"
# Pods of one owner that get an Event of their own, at one time and within an hour.
PODS_OF_AN_OWNER = 5
HOUR = 3600.0
# Events of one survey; the next one goes on.
AT_ONCE = 100


@dataclass(slots=True, kw_only=True)
class Telling:
    """
    Tells of pods without their role.

    Args:
        events: Writes the Events.
        ticks: Seconds that never jump.
    """

    events: Events
    ticks: Callable[[], float] = time.monotonic
    _told: set[str] = field(default_factory=set)
    _spent: dict[About, deque[float]] = field(default_factory=dict)
    _complained: set[str] = field(default_factory=set)

    def tell(self, pods: Iterable[Bare]) -> None:
        """
        Tell of these pods, and of no other any more.

        Raises:
            KubeError: The API server is away, or has too much to do: the next survey goes on.
        """
        owners = _by_owner(pods)
        self._told &= {pod.uid for group in owners.values() for pod in group}
        self._forget_old()
        left = AT_ONCE
        for owner, group in sorted(owners.items(), key=lambda item: str(item[0])):
            for about, message in self._news(owner, group):
                left -= self._write(about, message)
            if left <= 0:
                break

    def _write(self, about: About, message: str) -> bool:
        try:
            return self.events.tell(about, REASON, message=message)
        except KubeError as error:
            if is_overload(error):
                raise
            if error.message not in self._complained:
                self._complained.add(error.message)
                logger.warning("no Event for %s: %s", about.ref, error.message)
            return True

    def _news(self, owner: About, pods: list[Bare]) -> Iterator[tuple[About, str]]:
        told = [pod for pod in pods if pod.uid in self._told]
        spent = self._spent.setdefault(owner, deque())
        room = max(PODS_OF_AN_OWNER - max(len(told), len(spent)), 0)
        fresh = [pod for pod in pods if pod.uid not in self._told][:room]
        for pod in fresh:
            spent.append(self.ticks())
            self._told.add(pod.uid)
            fields = {"namespace": pod.namespace, "pod": pod.name, "containers": pod.containers}
            logger.warning("a running pod has no role", extra=fields | {"why": pod.why})
        for pod in (*told, *fresh):
            yield _about(pod), _of_pod(pod)
        if len(pods) > len(told) + len(fresh):
            yield owner, _of_owner(pods)

    def _forget_old(self) -> None:
        """So that memory does not grow."""
        since = self.ticks() - HOUR
        for owner, spent in list(self._spent.items()):
            while spent and spent[0] <= since:
                spent.popleft()
            if not spent:
                del self._spent[owner]
        if len(self._complained) > AT_ONCE:
            self._complained.clear()
        self.events.forget_old()


def _by_owner(pods: Iterable[Bare]) -> dict[About, list[Bare]]:
    """Pods by what they belong to; those of nobody by their ServiceAccount."""
    found: defaultdict[About, list[Bare]] = defaultdict(list)
    for pod in pods:
        if pod.owner is None:
            ref = Ref("v1", "ServiceAccount", pod.service_account, pod.namespace)
            found[About(ref=ref)].append(pod)
        else:
            owner = pod.owner
            ref = Ref(owner.api_version, owner.kind, owner.name, pod.namespace)
            found[About(ref=ref, uid=owner.uid)].append(pod)
    return found


def _about(pod: Bare) -> About:
    return About(ref=Ref("v1", "Pod", pod.name, pod.namespace), uid=pod.uid)


def _of_pod(pod: Bare) -> str:
    return (
        f"ServiceAccount {pod.service_account} has the role {pod.role_arn}, and this pod carries "
        f"no credentials in: {', '.join(pod.containers)}. {_sentence(pod.why)}. A new pod gets them"
    )


def _of_owner(pods: list[Bare]) -> str:
    first = pods[0]
    return (
        f"{len(pods)} pods of this carry no credentials, though their ServiceAccount "
        f"{first.service_account} has the role {first.role_arn}; for example {first.name}: "
        f"{_sentence(first.why)}"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
