"""
The configuration's JSON Schema, for editors.

It says what a schema can say; `parse` checks more.
Never here: checking.
"""

from typing import Any

import msgspec

from irsa.config.model import Config

_SERVICE_ACCOUNT = {
    "title": "ServiceAccountName",
    "description": "A ServiceAccount as `namespace/name`; `*` and `?` only with allowWildcard.",
    "type": "string",
    "pattern": "^[^/]+/[^/]+$",
    "examples": ["shop/web"],
}
_PUBLISH_NEEDS = {"s3": ["bucket"], "directory": ["url", "directory"], "existing": ["url"]}


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a configuration file."""
    document = msgspec.json.schema(Config)
    definitions = document["$defs"]
    definitions["ServiceAccountName"] = _SERVICE_ACCOUNT
    definitions["Issuer"]["allOf"] = [_needs(*one) for one in _PUBLISH_NEEDS.items()]
    definitions["Config"]["required"] = ["apiVersion", *definitions["Config"]["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "irsa.yaml",
        **document,
    }


def _needs(publish: str, keys: list[str]) -> dict[str, Any]:
    return {"if": {"properties": {"publish": {"const": publish}}}, "then": {"required": keys}}
