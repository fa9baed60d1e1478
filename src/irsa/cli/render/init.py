"""How `irsa init` shows what it found out."""

from collections.abc import Iterator

from irsa.cli.account import AccountFacts
from irsa.cli.detection import ClusterFacts

_COLUMN = 12


def cluster(facts: ClusterFacts) -> Iterator[str]:
    """What was found out of the cluster, a line each."""
    recognised = facts.recognised
    yield _line("cluster", f"{facts.server}, uid {facts.uid}")
    yield _line("Kubernetes", f"{facts.version}, {recognised.distribution}: {recognised.reason}")
    names = ", ".join(server.name for server in facts.fleet.servers)
    yield _line("API servers", names or "unknown")
    yield _line("issuer", _issuer(facts))
    if facts.webhook:
        yield _line("webhook", f"{facts.webhook} is there already, and is not irsa's")


def account(facts: AccountFacts, region: str) -> Iterator[str]:
    """What was found out of the AWS account, a line each."""
    who = facts.identity
    yield _line("AWS", f"account {who.account}, partition {who.partition}, as {who.arn}")
    yield _line("region", region)


def remark(facts: ClusterFacts) -> str:
    """The cluster as it was found, in one line for the file."""
    issuer = facts.issuer.url if facts.issuer else "unknown"
    if not facts.server:
        return "Written by irsa init, which has not seen the cluster"
    return (
        f"Found by irsa init: {facts.recognised.distribution}, Kubernetes {facts.version}, "
        f"issuer {issuer}"
    )


def _issuer(facts: ClusterFacts) -> str:
    issuer = facts.issuer
    if issuer is None:
        return "unknown"
    if issuer.is_public:
        return f"{issuer.url}: public, with every key that signs"
    return f"{issuer.url}: AWS cannot use it ({issuer.reason})"


def _line(name: str, text: str) -> str:
    return f"  {name:<{_COLUMN}} {text}"
