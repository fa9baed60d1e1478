"""
Events about the webhook's own objects: which one cannot be read or written, and why.

Never here: how an Event is written.
"""

import logging
from dataclasses import dataclass

from irsa.controller.certificates import Trouble
from irsa.controller.events import About, Events
from irsa.controller.held import is_overload
from irsa.errors import KubeError

logger = logging.getLogger(__name__)

REASON = "NotKept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaints:
    """
    Tells of what was refused.

    Args:
        events: Writes the Events.
    """

    events: Events

    def tell(self, trouble: Trouble) -> None:
        """
        An Event beside the object, again while it goes on.

        Raises:
            KubeError: The API server is away, or has too much to do.
        """
        about = About(ref=trouble.about)
        message = f"the webhook's certificates are not kept: {trouble.error.message}"
        try:
            self.events.tell(about, REASON, message=message)
        except KubeError as error:
            if is_overload(error):
                raise
            logger.debug("no Event for %s: %s", trouble.about, error.message)
