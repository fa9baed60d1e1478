"""
What the process does with its memory: nothing that holds up a review.

Never here: what is kept.
"""

import gc

# Reviews leave no cycles behind. The collector would look at all the cache for nothing.
_RARELY = (50_000, 20, 50)


def prepare() -> None:
    """Before anything is kept: let the collector look rarely."""
    gc.set_threshold(*_RARELY)


def settle() -> None:
    """After much was kept: give back what only getting it took, and let the rest be."""
    gc.collect()
    gc.freeze()
    _trim()


def _trim() -> None:
    """Give freed memory back to the system, where the C library can."""
    import ctypes  # of no use before

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
