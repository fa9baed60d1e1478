"""
The command line of AWS's webhook as ours: what means the same, what means nothing, what cannot be.

Its flags are Go's: a boolean may be written `--flag=false`. Whatever would change what pods get is
either understood or refused with a reason; only what is about logging or a dead way to get
certificates is dropped, with a note.
Source: `main.go` of amazon-eks-pod-identity-webhook v0.6.17.
Never here: logging, ending the program.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from irsa.errors import InputError, excerpt

# The same name and meaning here; only the spelling of their values differs.
BOOLEANS = ("--sts-regional-endpoint", "--watch-config-map", "--compose-role-arn")

_LOGS = "logs are JSON lines on stderr"
_FILES = "the certificate comes from --tls-cert and --tls-key"
_LIVE = "a ServiceAccount that is not known yet is read at once"

# Flags whose value takes an argument of its own, where it is not joined with `=`.
DROPPED = {
    "--service-name": _FILES,
    "--tls-secret": _FILES,
    "--service-account-lookup-grace-period": _LIVE,
    "-v": _LOGS,
    "--v": _LOGS,
    "--vmodule": _LOGS,
    "--log_backtrace_at": _LOGS,
    "--log_dir": _LOGS,
    "--log_file": _LOGS,
    "--log_file_max_size": _LOGS,
    "--stderrthreshold": _LOGS,
}
DROPPED_BOOLEANS = {
    "--logtostderr": _LOGS,
    "--alsologtostderr": _LOGS,
    "--skip_headers": _LOGS,
    "--skip_log_headers": _LOGS,
    "--add_dir_header": _LOGS,
    "--one_output": _LOGS,
}

_AGENT = "EKS Pod Identity needs an agent and an API that exist on EKS only; annotate role-arn"
REFUSED = {
    "--version": "that is: irsa --version",
    "--kube-api": "name the API server in a file, and that with --kubeconfig",
    "--metrics-port": "/metrics is served with TLS on --port, together with /healthz",
    "--enable-debugging-handlers": "the cache is not shown to the network; ask the API server",
    "--watch-container-credentials-config": _AGENT,
    "--container-credentials-audience": _AGENT,
    "--container-credentials-token-mount-path": _AGENT,
    "--container-credentials-token-volume-name": _AGENT,
    "--container-credentials-token-path": _AGENT,
    "--container-credentials-full-uri": _AGENT,
}

IN_CLUSTER = "--in-cluster"
_DEAD = "its certificate requests need an API that Kubernetes 1.22 removed; irsa controller does it"
_TRUTH = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """Arguments for our own parser, and what was dropped on the way there."""

    arguments: tuple[str, ...]
    notes: tuple[str, ...]


def translate(arguments: Sequence[str]) -> Translated:
    """
    Arguments of either webhook as ours.

    Raises:
        InputError: A flag cannot be followed here: which, and why.
    """
    taken: list[str] = []
    notes: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, joined, value = argument.partition("=")
        if name in REFUSED:
            raise InputError(f"{name} is not followed here: {REFUSED[name]}")
        if name in DROPPED:
            if not joined:
                next(rest, None)
            notes.append(f"{name} has no effect: {DROPPED[name]}")
        elif name in DROPPED_BOOLEANS:
            notes.append(f"{name} has no effect: {DROPPED_BOOLEANS[name]}")
        elif name == IN_CLUSTER:
            _refuse_in_cluster(value if joined else "true")
        elif name in BOOLEANS and joined:
            taken.append(name if _truth(name, value) else f"--no-{name[2:]}")
        else:
            taken.append(argument)
    return Translated(arguments=tuple(taken), notes=tuple(notes))


def _refuse_in_cluster(value: str) -> None:
    if _truth(IN_CLUSTER, value):
        raise InputError(f"{IN_CLUSTER} is not followed here: {_DEAD}", hint="--in-cluster=false")


def _truth(name: str, value: str) -> bool:
    if value not in _TRUTH:
        raise InputError(f"{name}={excerpt(value)} is neither true nor false")
    return _TRUTH[value]
