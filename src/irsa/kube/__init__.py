"""The only door to the Kubernetes API: plain JSON objects in and out, foreign errors translated."""

import sys

# httpx brings a command line of its own, and with it rich and click: 5 MB and 0.1 s for nothing.
# None in this place means to Python that there is no such module, and httpx goes on without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # documented, not in typeshed
