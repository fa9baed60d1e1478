"""How a process comes to an API server."""

import json


def kubeconfig(server: str, ca: str, **user: str) -> str:
    """A configuration for an API server, and for who its user is."""
    named = {"name": "it"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "contexts": [named | {"context": {"cluster": "it", "user": "it"}}],
            "clusters": [named | {"cluster": {"server": server, "certificate-authority": ca}}],
            "users": [named | {"user": user}],
        }
    )
