"""What webhook and controller may give to pods, read from their options alike."""

from collections.abc import Iterable


def accounts(texts: Iterable[str]) -> frozenset[str]:
    """
    The accounts of `--allowed-account`.

    Raises:
        InputError: One is not an account number.
    """
    from irsa.arns import is_account
    from irsa.errors import InputError

    found = frozenset(texts)
    for text in found:
        if not is_account(text):
            raise InputError(
                f"--allowed-account {text!r} is not an AWS account number", hint="twelve digits"
            )
    return found


def allowed_roles(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """
    The patterns of `--allowed-role`, by namespace.

    Raises:
        InputError: One is not `NAMESPACE=ARN`.
    """
    from irsa.errors import InputError

    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        namespace, equals, pattern = text.partition("=")
        if not (namespace and equals and pattern.startswith("arn:")):
            raise InputError(
                f"--allowed-role {text!r} is not NAMESPACE=ARN",
                hint="for example shop=arn:aws:iam::111122223333:role/shop/*",
            )
        found[namespace] = (*found.get(namespace, ()), pattern)
    return found
