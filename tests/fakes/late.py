"""AWS in memory whose IAM shows a change only a while after it was made, and judges by both."""

import copy
from dataclasses import dataclass, field

from tests.fakes.aws import FakeAws
from tests.fakes.stage import Clock, Stage

SECONDS = 5.0


@dataclass
class LateAws(FakeAws):
    """
    An account whose IAM is late.

    A change must fit what is seen (a role made a moment ago is not there yet, one that was deleted
    still is) and what is so (a name is taken at once), as with the local AWS.
    """

    clock: Clock
    seconds: float = SECONDS
    reads: list[str] = field(default_factory=list)
    states: list[tuple[float, dict, dict]] = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self.states.append((float("-inf"), {}, {}))

    def call(self, call):
        if call.service == "iam":
            self._seen().call(call)
        try:
            return super().call(call)
        finally:  # whether whoever made the call is still alive, or not
            self.states.append((self.clock.now(), *self._now()))
            self.reads.clear()

    def read(self, call):
        if call.service != "iam":
            return super().read(call)
        self.reads.append(f"{call.name} {call.params.get('RoleName', '')}".strip())
        return self._seen().read(call)

    def _now(self):
        return copy.deepcopy((self.roles, self.providers))

    def _seen(self):
        seen, due = FakeAws(), self.clock.now() - self.seconds
        _, *then = [one for one in self.states if one[0] <= due][-1]
        seen.roles, seen.providers = copy.deepcopy(then)
        seen.trust_quota = self.trust_quota
        return seen


def make_late(stage: Stage, seconds: float = SECONDS) -> None:
    """From now on IAM is late; what is there now is seen."""
    late = LateAws(stage.clock, seconds)
    vars(late).update(vars(stage.aws))
    late.states[:] = [(float("-inf"), *late._now())]
    stage.aws = late
