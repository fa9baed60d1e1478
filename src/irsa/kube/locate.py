"""
Find how to reach the cluster: kubeconfig files as kubectl finds them, or the pod's own mount.

Never here: what a kubeconfig means.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from irsa import files
from irsa.errors import InputError
from irsa.kube import config, context
from irsa.kube.connection import SERVICE_ACCOUNT_DIRECTORY, Connection, in_cluster, pod_server


def connection(
    kubeconfig: str | None,
    chosen: str | None,
    *,
    environment: Mapping[str, str],
    directory: str = SERVICE_ACCOUNT_DIRECTORY,
) -> Connection:
    """
    The connection to use.

    Args:
        kubeconfig: Files joined as in PATH; None for `KUBECONFIG`, then `~/.kube/config`, then
            the pod that we run in.
        chosen: The context; None for the current one.
        environment: Where `KUBECONFIG`, `HOME` and the pod's variables are.
        directory: Where a pod's ServiceAccount is mounted.

    Raises:
        InputError: There is none, or it cannot be used.
    """
    merged = _merged(kubeconfig, environment)
    if merged is None:
        return _of_this_pod(environment, directory)
    return context.connection(
        merged, context=chosen, read=lambda name: files.read_bytes(Path(name))
    )


def names(
    kubeconfig: str | None, chosen: str | None, *, environment: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """
    What the kubeconfig calls the context that `connection` takes, and its cluster.

    Both are None in a pod, which has no kubeconfig.

    Raises:
        InputError: There is no kubeconfig, or it cannot be used.
    """
    merged = _merged(kubeconfig, environment)
    if merged is None:
        return None, None
    wanted = chosen or merged.current_context
    found = next((entry for entry in merged.contexts if entry.name == wanted), None)
    return (found.name, found.context.cluster or None) if found else (None, None)


def _merged(kubeconfig: str | None, environment: Mapping[str, str]) -> config.Kubeconfig | None:
    """The kubeconfig; None in a pod that has none."""
    named = kubeconfig or environment.get("KUBECONFIG") or ""
    paths = [Path(part) for part in dict.fromkeys(named.split(os.pathsep)) if part]
    candidates = paths or [Path(environment.get("HOME", "~")).expanduser() / ".kube" / "config"]
    found = [path for path in candidates if _exists(path)]
    if not found:
        if not paths and environment.get("KUBERNETES_SERVICE_HOST"):
            return None
        raise _nothing(candidates)
    return config.merge(
        config.parse(files.read_text(path), source=str(path.absolute())) for path in found
    )


def _of_this_pod(environment: Mapping[str, str], directory: str) -> Connection:
    server = pod_server(environment)
    return in_cluster(server, files.read_bytes(Path(directory, "ca.crt")), directory=directory)


def _exists(path: Path) -> bool:
    """Whether there is something: what cannot be read is not missing, and must be reported."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _nothing(candidates: list[Path]) -> InputError:
    names = " or ".join(str(path) for path in candidates)
    return InputError(
        f"there is no kubeconfig at {names}",
        hint="name one with --kubeconfig or in the environment variable KUBECONFIG",
    )
