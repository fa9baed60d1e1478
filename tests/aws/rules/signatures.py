"""Signatures, and bodies that fit them."""

from tests.aws.mutation import Mutant
from tests.aws.rules.table import rule

RULES: tuple[Mutant, ...] = (
    rule(
        "signature: the secret",
        "callers.py",
        "if not sigv4.matches(request, signature, secret):",
        "if False:",
        tests="wrong_secret",
    ),
    rule(
        "signature: the clock",
        "callers.py",
        "if not sigv4.fresh(signature, world.clock()):",
        "if False:",
        tests="clock_that",
    ),
    rule(
        "signature: AWS's headers",
        "callers.py",
        'if missing and target.service in ("s3", "s3control"):',
        "if False:",
        tests="must_be_signed",
    ),
    rule(
        "signature: region and service",
        "callers.py",
        "    _check_scope(signature, target)",
        "    pass",
        tests="one_region",
    ),
    rule(
        "signature: the scope's date",
        "sigv4.py",
        "consistent and hmac",
        "hmac",
        tests="date_of_the_scope",
    ),
    rule(
        "signature: switched-off keys",
        "callers.py",
        ' or key.status != "Active"',
        "",
        tests="switched_off",
    ),
    rule(
        "signature: no token with a user's key",
        "callers.py",
        " or signature.token:",
        ":",
        tests="token_with_a_long",
    ),
    rule(
        "signature: keys of this partition",
        "callers.py",
        "if target.partition == world.partition:",
        "if True:",
        tests="own_partition",
    ),
    rule(
        "signature: a week at most",
        "sigv4.py",
        "not 0 < int(expires) <= MAX_PRESIGNED",
        "False",
        tests="week_at_most",
    ),
    rule(
        "body: its hash",
        "payload.py",
        "hashlib.sha256(data).hexdigest() != declared.lower()",
        "False",
        tests="signed_hash",
    ),
    rule(
        "body: its MD5",
        "payload.py",
        "declared is not None and declared != actual",
        "False",
        tests="wrong_md5",
    ),
    rule(
        "call: unsigned ones of S3 and STS only",
        "front.py",
        "if call.caller is None and not operation.anonymous:",
        "if False:",
        tests="no_signature",
    ),
)
