"""
Names to suggest for a new configuration: of the cluster, and of the bucket.

Never here: randomness; asking.
"""

import re
from collections.abc import Iterable

from irsa.config import rules

SUFFIX = re.compile(r"[a-z0-9]{1,16}")

_MAX_BUCKET = 63
_MAX_NAME = 63
# What tools call a cluster that nobody has named.
_GENERIC = frozenset(
    {"admin", "cluster", "cluster.local", "default", "in-cluster", "k8s", "kubernetes", "local"}
    | {"microk8s", "microk8s-cluster"}
)


def cluster_name(candidates: Iterable[str | None]) -> str | None:
    """The first of the names that says something, made fit; None if none does."""
    fit = (_fit(candidate) for candidate in candidates if candidate)
    return next((name for name in fit if name and name.lower() not in _GENERIC), None)


def bucket(name: str, suffix: str) -> str:
    """
    A name for a bucket that its cluster can be seen in, and that nobody has yet.

    Args:
        name: The cluster's name.
        suffix: A few random letters and digits, in lower case.
    """
    ending = f"irsa-{suffix}"
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    beginning = words[: _MAX_BUCKET - len(ending) - 1].strip("-")
    wanted = f"{beginning}-{ending}" if beginning else ending
    return wanted if rules.bucket(wanted) is None else ending


def _fit(candidate: str) -> str | None:
    """`arn:aws:eks:…:cluster/prod` and `admin@prod` are about `prod`."""
    last = candidate.rpartition("/")[2].rpartition("@")[2]
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", last)[:_MAX_NAME].strip("._-")
    return plain if plain and rules.cluster_name(plain) is None else None
