"""
What every section of the configuration is made of.

The descriptions are what editors show and what the reference page is made of.
Never here: a key.
"""

from msgspec import Meta, Struct

from irsa.config import rules


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A mapping in the configuration."""


def text(description: str, rule: rules.Rule, *, pattern: str | None = None) -> Meta:
    """What one text is, in words, as a rule, and as a pattern for editors."""
    schema = {"pattern": pattern} if pattern else None
    return Meta(description=description, extra={"rule": rule}, extra_json_schema=schema)
