"""`irsa schema`: the configuration's JSON Schema, for editors."""

from irsa.cli.render import console
from irsa.cli.render.console import Output


def command() -> None:
    """
    Print the JSON Schema of the configuration, for editors.

    Editors with the YAML language server use it when the first line of irsa.yaml is
    `# yaml-language-server: $schema=irsa.schema.json`.

    Example: irsa schema > irsa.schema.json
    """
    from irsa.config import schema

    console.data(schema(), Output.json)
