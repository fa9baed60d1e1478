"""
Every partition of AWS for moto, which lacks some of them.

Never here: what a partition is; that is in `irsa.arns`.
"""

from moto.utilities import utils

# moto tells a region's partition by the beginning of its name.
_PREFIXES = {"eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f"}


def complete() -> None:
    """Let moto know every partition; to be called before it makes the first account."""
    for prefix, name in _PREFIXES.items():
        utils.REGION_PREFIX_TO_PARTITION.setdefault(prefix, name)
        if name not in utils.PARTITION_NAMES:
            utils.PARTITION_NAMES.append(name)  # its modules share this very list
