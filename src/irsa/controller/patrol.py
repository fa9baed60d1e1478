"""
What is done about pods without their role, once in a while: found, told of, restarted.

Never here: how any of it is done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from irsa.controller.metrics import State
from irsa.controller.restart import Restarter
from irsa.controller.survey import Search
from irsa.controller.telling import Telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Patrol:
    """
    One look at the cluster, and what follows from it.

    Args:
        search: Finds the pods.
        telling: Tells of them.
        state: Where it is shown.
        clock: The time.
        restarter: Restarts what they belong to; None tells of them only.
    """

    search: Search
    telling: Telling
    state: State
    clock: Callable[[], datetime]
    restarter: Restarter | None = None

    def go(self) -> None:
        """
        Look once.

        Raises:
            KubeError: Something was refused, or not answered.
        """
        found = self.search.find()
        self.state.bare = found.bare
        self.state.survey_at = self.clock()
        self.telling.tell(found.bare)
        if self.restarter is not None:
            self.restarter.step(found.bare)
            self.state.restarts = self.restarter.restarts
