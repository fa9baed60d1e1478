"""
The door to AWS, with patience: what was made a moment ago is not known everywhere yet.

Never here: which refusals pass by themselves wherever they come; that is in
`irsa.provision.patience`.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from irsa.aws.call import Call
from irsa.errors import AwsError
from irsa.provision.patience import Patience, patience
from irsa.provision.world import AwsDoor

_PAUSE = 2.0
# `apply` reads a role again then. This one is nobody else's, and all that was in it is gone.
_STILL_HELD = Patience(seconds=90.0, reason="IAM still sees policies on the role")


class PatientAws:
    """
    A door that repeats calls as long as that is worth it.

    Args:
        aws: The door itself.
        say: Told what is waited for.
        sleep: Waits some seconds.
        now: Seconds on a clock that never goes back.
    """

    def __init__(
        self,
        aws: AwsDoor,
        *,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._aws = aws
        self._say = say
        self._sleep = sleep
        self._now = now
        self._done: list[str] = []

    def call(self, call: Call) -> Mapping[str, Any]:
        """
        Make a call that changes something.

        Raises:
            AwsError: It was refused, and that does not pass, or did not in time.
        """
        began = self._now()
        while True:
            try:
                answer = self._aws.call(call)
            except AwsError as error:
                willing = self._patience(call, error)
                if willing is None or self._now() - began >= willing.seconds:
                    raise
                self._say(f"waiting: {willing.reason} ({error.code})")
                self._sleep(_PAUSE)
            else:
                self._done.append(call.name)
                return answer

    def _patience(self, call: Call, error: AwsError) -> Patience | None:
        if error.code == "DeleteConflict" and call.name == "iam:DeleteRole":
            return _STILL_HELD
        return patience(call, error, self._done)

    def read(self, call: Call) -> Mapping[str, Any] | None:
        """Make a call that changes nothing."""
        return self._aws.read(call)
