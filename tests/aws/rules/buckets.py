"""S3: buckets, and whom the public is."""

from tests.aws.mutation import Mutant
from tests.aws.rules.table import rule

RULES: tuple[Mutant, ...] = (
    rule(
        "s3.bucket: public access is blocked at first",
        "s3/buckets.py",
        '    store.ask(call, "PUT", query="publicAccessBlock", body=_ALL_BLOCKED.encode())',
        "    pass",
    ),
    rule(
        "s3.bucket: no ACLs at first",
        "s3/buckets.py",
        '    store.ask(call, "PUT", query="ownershipControls", body=_OWNERSHIP.encode())',
        "    pass",
    ),
    rule(
        "s3.bucket: encrypted at first",
        "s3/buckets.py",
        '    store.ask(call, "PUT", query="encryption", body=ENCRYPTION.encode())',
        "    pass",
    ),
    rule("s3.bucket: tags come with it", "s3/buckets.py", "    if pairs:", "    if False:"),
    rule("s3.bucket: the origin takes no constraint", "s3/buckets.py", " or wanted == _ORIGIN", ""),
    rule(
        "s3.bucket: regions must be real", "s3/buckets.py", "find_partition(wanted) is None or ", ""
    ),
    rule(
        "s3.bucket: EU is eu-west-1",
        "s3/buckets.py",
        '"eu-west-1" if constraint == "EU" else constraint',
        "constraint",
    ),
    rule(
        "s3.bucket: the constraint is the endpoint's",
        "s3/buckets.py",
        "if endpoint not in (_ORIGIN, wanted):",
        "if False:",
    ),
    rule(
        "s3.bucket: made again in the origin is fine",
        "s3/buckets.py",
        "if region == call.target.region == _ORIGIN:",
        "if False:",
    ),
    rule(
        "s3.bucket: names of others",
        "s3/buckets.py",
        "if call.bucket in names.FOREIGN:",
        "if False:",
    ),
    rule("s3.bucket: names by their form", "s3/names.py", "_FORM.fullmatch(name) and ", ""),
    rule("s3.bucket: no two dots", "s3/names.py", '".." not in name and ', ""),
    rule("s3.bucket: no address", "s3/names.py", " and not _ADDRESS.fullmatch(name)", ""),
    rule("s3.bucket: reserved beginnings", "s3/names.py", "name.startswith(_PREFIXES) or ", ""),
    rule("s3.bucket: reserved ends", "s3/names.py", " or name.endswith(_SUFFIXES)", ""),
    rule(
        "s3.bucket: a deleted one leaves no policy",
        "s3/buckets.py",
        "if answer.status == 204:",
        "if False:",
    ),
    rule(
        "s3.bucket: the expected owner",
        "s3/permissions.py",
        "if owner not in (None, call.world.account):",
        "if False:",
        tests="expected_owner",
    ),
    rule(
        "s3.bucket: its region",
        "s3/permissions.py",
        "if bucket.region_name != call.target.region:",
        "if False:",
        tests="own_region",
    ),
    rule(
        "s3.bucket: tags need their permission",
        "s3/permissions.py",
        '*([("s3:TagResource", arn)] if tagged else [])',
        "",
    ),
    rule(
        "s3.public: BlockPublicPolicy of the bucket",
        "s3/policies.py",
        "bool(own and own.block_public_policy) or ",
        "",
    ),
    rule(
        "s3.public: BlockPublicPolicy of the account",
        "s3/policies.py",
        ' or account.get("BlockPublicPolicy", False)',
        "",
    ),
    rule(
        "s3.public: RestrictPublicBuckets of the bucket",
        "s3/policies.py",
        "bool(own and own.restrict_public_buckets)\n        or ",
        "False or ",
    ),
    rule(
        "s3.public: RestrictPublicBuckets of the account",
        "s3/policies.py",
        'account.get("RestrictPublicBuckets", False)',
        "False",
    ),
    rule(
        "s3.public: strangers are shut out",
        "access.py",
        "if found.reach and call.caller is None and restricted:",
        "if False:",
        tests="restrict",
    ),
    rule(
        "s3.public: strangers need a policy",
        "access.py",
        'return _yes(shared.decision) if shared.reach else _no("", shared.decision)',
        "return _yes(shared.decision)",
        tests="by_default",
    ),
    rule(
        "s3.public: what is not named is off",
        "s3/settings.py",
        "'true' if document.get(name) in _TRUE else 'false'",
        "'true'",
    ),
    rule(
        "s3.public: a condition may narrow it",
        "s3/policies.py",
        "key.lower() in _NARROWING and ",
        "False and ",
    ),
    rule("s3.public: only by a fixed value", "s3/policies.py", " and _fixed(expected)", ""),
    rule(
        "s3.public: of this account only",
        "s3control.py",
        "if named != {call.world.account}:",
        "if False:",
    ),
    rule(
        "s3.acl: refused at writing",
        "s3/objects.py",
        'CreateMultipartUpload."""\n    settings.check_no_acl(call)',
        'CreateMultipartUpload."""\n    pass',
    ),
    rule("s3.acl: grants", "s3/settings.py", "if grants or canned not in", "if canned not in"),
    rule(
        "s3.acl: canned ones",
        "s3/settings.py",
        ' or canned not in (None, "bucket-owner-full-control")',
        "",
    ),
)
