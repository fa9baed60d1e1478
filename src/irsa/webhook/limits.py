"""
How much of everything a client may take: bytes, seconds, connections.

Never here: enforcing it.
"""

from msgspec import Struct
from msgspec.structs import replace

# What the process itself has open: listener, event loop, the API server, files that are read.
_OWN_FILES = 64
_FEWEST = 4


class Limits(Struct, frozen=True, kw_only=True):
    """
    What clients may take.

    Args:
        head: Bytes of a request's head; Go's own servers allow as much.
        body: Bytes of a body. A request to the API server may have 3 MiB; the review around it
            repeats a little of it.
        held: Bytes of all bodies that are not complete; above it the oldest of them is refused.
        connections: Far above what API servers hold open, and below what a process may have of
            files; where there are too many, the one that has been idle longest goes.
        handshakes: Connections that are still shaking hands; above it the oldest goes.
        handshake_seconds: Until a client must have shaken hands.
        head_seconds: From a head's first byte to its last.
        body_seconds: From there to the body's last byte.
        write_seconds: Until a client must have taken what is sent to it.
        idle_seconds: Go's HTTP clients give up an idle connection after 90 s; they do it first, so
            that we never close one on which a request is under way.
    """

    head: int = 1 << 20
    body: int = 8 << 20
    held: int = 64 << 20
    connections: int = 800
    handshakes: int = 160
    handshake_seconds: float = 10.0
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    write_seconds: float = 20.0
    idle_seconds: float = 120.0

    def within(self, files: int) -> "Limits":
        """The same for a process that may have no more than so many files open."""
        room = max(files - _OWN_FILES, 0)
        return replace(
            self,
            connections=min(self.connections, max(room * 3 // 4, _FEWEST)),
            handshakes=min(self.handshakes, max(room // 4, _FEWEST)),
        )
