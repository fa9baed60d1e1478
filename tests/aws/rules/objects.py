"""S3: objects."""

from tests.aws.mutation import Mutant
from tests.aws.rules.table import rule

RULES: tuple[Mutant, ...] = (
    rule(
        "s3.object: missing is told to who may list",
        "s3/objects.py",
        'found is None and not verdict(call, "s3:ListBucket", arn).allowed',
        "False",
    ),
    rule(
        "s3.object: each key is deleted by permission",
        "s3/objects.py",
        "refused = [entry for entry in objects if not _may_delete(call, entry)]",
        "refused = []",
    ),
    rule(
        "s3.object: a version has its own permission",
        "s3/permissions.py",
        'f"{action}Version" if "versionId" in call.request.query else action',
        "action",
    ),
    rule(
        "s3.object: a copy needs reading",
        "s3/objects.py",
        '("s3:GetObject", f"arn:{call.world.partition}:s3:::{source}"),',
        "",
    ),
    rule(
        "s3.object: no KMS",
        "s3/objects.py",
        'call.request.header("x-amz-server-side-encryption") not in (None, "AES256")',
        "False",
    ),
)
