"""
The configuration: what a cluster, its issuer and its roles should look like.

`parse` turns the text of a file into a frozen `Config`, or says everything that is wrong with it.
Never here: reading files, environment or arguments.
"""

from irsa.config.editor import schema
from irsa.config.model import (
    Aws,
    Cluster,
    Config,
    Injection,
    Issuer,
    Role,
    ServiceAccountName,
    Webhook,
)
from irsa.config.reader import parse

__all__ = [
    "Aws",
    "Cluster",
    "Config",
    "Injection",
    "Issuer",
    "Role",
    "ServiceAccountName",
    "Webhook",
    "parse",
    "schema",
]
