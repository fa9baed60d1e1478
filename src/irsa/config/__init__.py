"""
The configuration: what a cluster, its issuer and its roles should look like.

`parse` turns the text of a file into a frozen `Config`, or says everything that is wrong with it.
Never here: reading files, environment or arguments.
"""

from irsa.config.editor import schema
from irsa.config.injection import Injection, Webhook
from irsa.config.issuer import Issuer
from irsa.config.model import Aws, Cluster, Config
from irsa.config.reader import parse
from irsa.config.roles import Role, ServiceAccountName

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
