"""The rules of the local AWS, each with the change to its code that takes it out."""

from tests.aws.mutation import Mutant, without


def _rule(name: str, file: str, old: str, new: str, tests: str = "") -> Mutant:
    """
    Code without one rule.

    Args:
        name: Subject, and what about it.
        file: Below `src/irsa/local/aws`, or below `src/irsa` for `trust/`.
        old: Its text there, which stands there once.
        new: What stands there without it.
        tests: Part of the names of tests that are asked first; they must be named where no test
            runs through the text itself, as for a number that is read when the program starts.
    """
    place = file if file.startswith("trust/") else f"local/aws/{file}"
    return without(name, place, old=old, new=new, tests=tests)


RULES: tuple[Mutant, ...] = (
    # --- providers ---------------------------------------------------------------------------
    _rule("iam.provider: https only", "iam/providers.py", 'not url.startswith("https://") or ', ""),
    _rule(
        "iam.provider: a host name",
        "iam/providers.py",
        ' or not _HOST.fullmatch(parts.hostname or "")',
        "",
    ),
    _rule(
        "iam.provider: no port, no user",
        "iam/providers.py",
        "parts.netloc != parts.hostname and parts.netloc.lower() != parts.hostname",
        "False",
    ),
    _rule("iam.provider: no query", "iam/providers.py", '"?" in url or ', ""),
    _rule("iam.provider: no fragment", "iam/providers.py", ' or "#" in url', ""),
    _rule(
        "iam.provider: 100 in an account",
        "iam/quotas.py",
        "PROVIDERS = 100",
        "PROVIDERS = 1000",
        "100_providers",
    ),
    _rule(
        "iam.provider: 100 audiences",
        "iam/quotas.py",
        "CLIENT_IDS = 100",
        "CLIENT_IDS = 1000",
        "lists_have_limits",
    ),
    _rule(
        "iam.provider: 5 thumbprints",
        "iam/quotas.py",
        "THUMBPRINTS = 5",
        "THUMBPRINTS = 50",
        "lists_have_limits",
    ),
    _rule(
        "iam.provider: thumbprints are SHA-1 in hex",
        "iam/providers.py",
        '"[0-9a-fA-F]{40}"',
        '".*"',
    ),
    _rule(
        "iam.provider: read without a thumbprint",
        "iam/providers.py",
        "if not thumbprints:",
        "if False:",
    ),
    _rule(
        "iam.provider: its URL is told without scheme",
        "iam/providers.py",
        '"Url": provider.url,',
        '"Url": "https://" + provider.url,',
    ),
    _rule(
        "iam.provider: an audience is added once",
        "iam/providers.py",
        'dict.fromkeys([*provider.client_id_list, call.params["ClientID"]])',
        '[*provider.client_id_list, call.params["ClientID"]]',
    ),
    _rule(
        "iam.provider: an audience is removed", "iam/providers.py", "if client != gone]", "if True]"
    ),
    _rule(
        "iam.provider: thumbprints are replaced",
        "iam/providers.py",
        'provider.thumbprint_list = call.params["ThumbprintList"]',
        'provider.thumbprint_list += call.params["ThumbprintList"]',
    ),
    _rule(
        "iam.provider: deleted twice is fine",
        "iam/providers.py",
        'open_id_providers.pop(call.params["OpenIDConnectProviderArn"], None)',
        'open_id_providers.pop(call.params["OpenIDConnectProviderArn"])',
    ),
    _rule(
        "iam.provider: tags need their permission",
        "iam/providers.py",
        'extra = [("iam:TagOpenIDConnectProvider", arn)] if call.params.get("Tags") else []',
        "extra = []",
    ),
    # --- roles and policies ------------------------------------------------------------------
    _rule(
        "iam.role: a trust policy has 2048 characters",
        "iam/quotas.py",
        "TRUST_POLICY = 2048",
        "TRUST_POLICY = 4096",
        "2048_characters",
    ),
    _rule("iam: white space is not counted", "documents.py", " if not character.isspace()", ""),
    _rule(
        "iam.role: a name is one in every case",
        "world.py",
        "(r for r in self.iam.roles.values() if r.name.lower() == name.lower())",
        "(r for r in self.iam.roles.values() if r.name == name)",
        "every_case",
    ),
    _rule(
        "iam.role: an hour unless said otherwise",
        "iam/roles.py",
        "DEFAULT_DURATION = 3600",
        "DEFAULT_DURATION = 7200",
        "lasts_an_hour",
    ),
    _rule(
        "iam.role: the federated principal is of this partition",
        "iam/roles.py",
        'if arn.startswith("arn:") and arn.split(":")[1] != call.world.partition:',
        "if False:",
    ),
    _rule(
        "iam.role: a boundary must exist",
        "iam/roles.py",
        "        policies.existing(call.world, boundary)",
        "        pass",
    ),
    _rule(
        "iam.role: tags need their permission",
        "iam/roles.py",
        'extra = [("iam:TagRole", arn)] if call.params.get("Tags") else []',
        "extra = []",
    ),
    _rule(
        "iam.role: lists have no tags",
        "iam/roles.py",
        '{"Roles": [_described(role) for role in shown]',
        '{"Roles": [_described(role) | _more(role) for role in shown]',
    ),
    _rule(
        "iam.tags: keys have no case",
        "iam/tags.py",
        'tag["Key"].lower() for tag in new',
        'tag["Key"] for tag in new',
    ),
    _rule("iam.tags: 50", "iam/quotas.py", "TAGS = 50", "TAGS = 500", "tags"),
    _rule(
        "iam.policy: 10 are attached",
        "iam/quotas.py",
        "ATTACHED_POLICIES = 10",
        "ATTACHED_POLICIES = 100",
        "ten_policies",
    ),
    _rule(
        "iam.policy: inline ones together",
        "iam/holders.py",
        "> kind.inline_quota:",
        "> 10 * kind.inline_quota:",
    ),
    _rule(
        "iam.policy: a managed one",
        "iam/quotas.py",
        "MANAGED_POLICY = 6144",
        "MANAGED_POLICY = 61440",
        "has_a_quota",
    ),
    # --- grammar -----------------------------------------------------------------------------
    _rule(
        "grammar: versions",
        "documents.py",
        'document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17")',
        "False",
    ),
    _rule(
        "grammar: known fields of a policy", "documents.py", "    _only(document, _TOP)", "    pass"
    ),
    _rule(
        "grammar: known fields of a statement",
        "documents.py",
        "    _only(statement, _FIELDS)",
        "    pass",
    ),
    _rule(
        "grammar: trust has no Resource",
        "documents.py",
        '_refuse(statement, ("Resource", "NotResource"), "Has prohibited field Resource")',
        "pass",
    ),
    _rule(
        "grammar: trust is about sts",
        "documents.py",
        'not action.lower().startswith("sts:")',
        "False",
    ),
    _rule(
        "grammar: condition operators",
        "documents.py",
        "if not _OPERATOR.fullmatch(operator):",
        "if False:",
    ),
    _rule(
        "grammar: identity policies name no principal",
        "documents.py",
        '("Principal", "NotPrincipal"),\n            "Policy document',
        '(),\n            "Policy document',
    ),
    # --- STS ---------------------------------------------------------------------------------
    _rule(
        "sts: role and provider share an account",
        "sts.py",
        'account=arn.account if arn else ""',
        "account=call.world.account",
    ),
    _rule(
        "sts: the issuer is compared as text",
        "web_identity.py",
        'issuer.removeprefix("https://"))',
        'issuer.removeprefix("https://").rstrip("/"))',
    ),
    _rule(
        "sts: the discovery document names the issuer",
        "web_identity.py",
        "if document.issuer != issuer:",
        "if False:",
    ),
    _rule(
        "sts: 100 keys of a family",
        "web_identity.py",
        "MAX_KEYS = 100",
        "MAX_KEYS = 1000",
        "100_keys",
    ),
    _rule(
        "sts: the signature",
        "web_identity.py",
        "    _check_signature(text, _keys(call, issuer))",
        "    _keys(call, issuer)",
    ),
    _rule(
        "sts: the documents",
        "web_identity.py",
        "    _check_signature(text, _keys(call, issuer))",
        "    pass",
    ),
    _rule(
        "sts: azp stands for the audience",
        "web_identity.py",
        'token.claims.get("azp") or ',
        "",
        tests="azp",
    ),
    _rule(
        "sts: the audience is registered",
        "web_identity.py",
        "if authorized not in provider.client_id_list:",
        "if False:",
    ),
    _rule("sts: expiry", "web_identity.py", "if now >= token.expires:", "if False:"),
    _rule(
        "sts: a day at most",
        "web_identity.py",
        "MAX_AGE = timedelta(hours=24)",
        "MAX_AGE = timedelta(hours=25)",
        "too_old",
    ),
    _rule("sts: the claim iat", "web_identity.py", '"exp", "iat")', '"exp")', "required_claims"),
    _rule(
        "sts: the claim sub", "web_identity.py", '("iss", "sub", ', '("iss", ', "required_claims"
    ),
    _rule(
        "sts: the trust policy",
        "sts.py",
        "    _check_trust(call, role, identity)",
        "    pass",
        tests="lets_nobody",
    ),
    _rule("sts: the role's path", "sts.py", " or role.arn != str(arn)", "", tests="missing_role"),
    _rule(
        "sts: the role's longest session",
        "sts.py",
        "if duration > int(role.max_session_duration or DEFAULT_DURATION):",
        "if False:",
    ),
    _rule(
        "sts: no claims but sub, aud and amr",
        "web_identity.py",
        'f"{prefix}:sub": str(token.subject),',
        'f"{prefix}:sub": str(token.subject), f"{prefix}:namespace": "shop",',
    ),
    _rule(
        "sts: amr",
        "web_identity.py",
        'isinstance(methods := token.claims.get("amr"), list)',
        "isinstance(methods := None, list)",
    ),
    _rule("sts: oaud", "web_identity.py", 'if "azp" in token.claims:', "if False:"),
    _rule(
        "sts: the session's name is a condition key",
        "sts.py",
        '"sts:RoleSessionName": call.params["RoleSessionName"]',
        "",
    ),
    _rule(
        "sts: what a session is asked for is taken",
        "sts.py",
        "policies=policies,\n    )",
        "policies=None,\n    )",
    ),
    _rule(
        "sts: the session's token",
        "callers.py",
        " or signature.token != session.token",
        "",
        tests="needs_its_token",
    ),
    _rule(
        "sts: a session ends",
        "callers.py",
        "if world.clock() >= session.expires:",
        "if False:",
        tests="session_expires",
    ),
    # --- trust policies ----------------------------------------------------------------------
    _rule(
        "trust: deny wins",
        "trust/access.py",
        "        if one.denies:\n",
        "        if False:\n",
        tests="lets_nobody_in",
    ),
    _rule(
        "trust: the principal",
        "trust/statement.py",
        "if request.principal is not None and not _covers_principal(statement, request.principal):",
        "if False:",
        tests="lets_nobody_in",
    ),
    _rule(
        "trust: the action",
        "trust/statement.py",
        "if not _covers_action(statement, request.action):",
        "if False:",
        tests="lets_nobody_in",
    ),
    _rule(
        "trust: the condition",
        "trust/access.py",
        "elif stage is Stage.applies and miss is not None:",
        "elif False:",
        tests="lets_nobody_in",
    ),
    _rule(
        "trust: StringEquals takes a star for a star",
        "trust/condition.py",
        '"StringEquals": (_equals, False)',
        '"StringEquals": (_like, False)',
        "web_identity",
    ),
    _rule(
        "trust: a missing key fits nothing",
        "trust/condition.py",
        "    if not met:\n        return negated",
        "    if not met:\n        return True",
        tests="lets_nobody_in",
    ),
    _rule(
        "trust: Null",
        "trust/condition.py",
        '"true" if not met else "false"',
        '"false" if not met else "true"',
        tests="lets_nobody_in",
    ),
    _rule(
        "trust: NotPrincipal lets nobody in",
        "trust/statement.py",
        'return statement["Effect"] == "Deny" and not',
        "return not",
        tests="lets_nobody_in",
    ),
    _rule(
        "trust: keys have no case",
        "trust/condition.py",
        "met = present.get(key.lower())",
        "met = present.get(key)",
        tests="web_identity",
    ),
    # --- buckets -----------------------------------------------------------------------------
    _rule(
        "s3.bucket: public access is blocked at first",
        "s3/buckets.py",
        '    store.ask(call, "PUT", query="publicAccessBlock", body=_ALL_BLOCKED.encode())',
        "    pass",
    ),
    _rule(
        "s3.bucket: no ACLs at first",
        "s3/buckets.py",
        '    store.ask(call, "PUT", query="ownershipControls", body=_OWNERSHIP.encode())',
        "    pass",
    ),
    _rule(
        "s3.bucket: encrypted at first",
        "s3/buckets.py",
        '    store.ask(call, "PUT", query="encryption", body=ENCRYPTION.encode())',
        "    pass",
    ),
    _rule("s3.bucket: tags come with it", "s3/buckets.py", "    if pairs:", "    if False:"),
    _rule(
        "s3.bucket: the origin takes no constraint", "s3/buckets.py", " or wanted == _ORIGIN", ""
    ),
    _rule("s3.bucket: regions must be real", "s3/buckets.py", "not _is_region(wanted) or ", ""),
    _rule(
        "s3.bucket: EU is eu-west-1",
        "s3/buckets.py",
        '"eu-west-1" if constraint == "EU" else constraint',
        "constraint",
    ),
    _rule(
        "s3.bucket: the constraint is the endpoint's",
        "s3/buckets.py",
        "if endpoint not in (_ORIGIN, wanted):",
        "if False:",
    ),
    _rule(
        "s3.bucket: made again in the origin is fine",
        "s3/buckets.py",
        "if region == call.target.region == _ORIGIN:",
        "if False:",
    ),
    _rule(
        "s3.bucket: names of others",
        "s3/buckets.py",
        "if call.bucket in names.FOREIGN:",
        "if False:",
    ),
    _rule("s3.bucket: names by their form", "s3/names.py", "_FORM.fullmatch(name) and ", ""),
    _rule("s3.bucket: no two dots", "s3/names.py", '".." not in name and ', ""),
    _rule("s3.bucket: no address", "s3/names.py", " and not _ADDRESS.fullmatch(name)", ""),
    _rule("s3.bucket: reserved beginnings", "s3/names.py", "name.startswith(_PREFIXES) or ", ""),
    _rule("s3.bucket: reserved ends", "s3/names.py", " or name.endswith(_SUFFIXES)", ""),
    _rule(
        "s3.bucket: a deleted one leaves no policy",
        "s3/buckets.py",
        "if answer.status == 204:",
        "if False:",
    ),
    _rule(
        "s3.bucket: the expected owner",
        "s3/permissions.py",
        "if owner not in (None, call.world.account):",
        "if False:",
        tests="expected_owner",
    ),
    _rule(
        "s3.bucket: its region",
        "s3/permissions.py",
        "if bucket.region_name != call.target.region:",
        "if False:",
        tests="own_region",
    ),
    _rule(
        "s3.bucket: tags need their permission",
        "s3/permissions.py",
        '*([("s3:TagResource", arn)] if tagged else [])',
        "",
    ),
    # --- public access -----------------------------------------------------------------------
    _rule(
        "s3.public: BlockPublicPolicy of the bucket",
        "s3/policies.py",
        "bool(own and own.block_public_policy) or ",
        "",
    ),
    _rule(
        "s3.public: BlockPublicPolicy of the account",
        "s3/policies.py",
        ' or account.get("BlockPublicPolicy", False)',
        "",
    ),
    _rule(
        "s3.public: RestrictPublicBuckets of the bucket",
        "s3/policies.py",
        "bool(own and own.restrict_public_buckets)\n        or ",
        "False or ",
    ),
    _rule(
        "s3.public: RestrictPublicBuckets of the account",
        "s3/policies.py",
        'account.get("RestrictPublicBuckets", False)',
        "False",
    ),
    _rule(
        "s3.public: strangers are shut out",
        "access.py",
        "if found.allowed and call.caller is None and restricted:",
        "if False:",
        tests="restrict",
    ),
    _rule(
        "s3.public: strangers need a policy",
        "access.py",
        'return _yes(shared) if shared.allowed else _no("", shared)',
        "return _yes(shared)",
        tests="by_default",
    ),
    _rule(
        "s3.public: what is not named is off",
        "s3/settings.py",
        "'true' if document.get(name) in _TRUE else 'false'",
        "'true'",
    ),
    _rule(
        "s3.public: a condition may narrow it",
        "s3/policies.py",
        "key.lower() in _NARROWING and ",
        "False and ",
    ),
    _rule("s3.public: only by a fixed value", "s3/policies.py", " and _fixed(expected)", ""),
    _rule(
        "s3.public: of this account only",
        "s3control.py",
        "if named != {call.world.account}:",
        "if False:",
    ),
    _rule(
        "s3.acl: refused at writing",
        "s3/objects.py",
        'CreateMultipartUpload."""\n    settings.check_no_acl(call)',
        'CreateMultipartUpload."""\n    pass',
    ),
    _rule("s3.acl: grants", "s3/settings.py", "if grants or canned not in", "if canned not in"),
    _rule(
        "s3.acl: canned ones",
        "s3/settings.py",
        ' or canned not in (None, "bucket-owner-full-control")',
        "",
    ),
    # --- objects -----------------------------------------------------------------------------
    _rule(
        "s3.object: missing is told to who may list",
        "s3/objects.py",
        'found is None and not verdict(call, "s3:ListBucket", arn).allowed',
        "False",
    ),
    _rule(
        "s3.object: each key is deleted by permission",
        "s3/objects.py",
        "refused = [entry for entry in objects if not _may_delete(call, entry)]",
        "refused = []",
    ),
    _rule(
        "s3.object: a version has its own permission",
        "s3/permissions.py",
        'f"{action}Version" if "versionId" in call.request.query else action',
        "action",
    ),
    _rule(
        "s3.object: a copy needs reading",
        "s3/objects.py",
        '("s3:GetObject", f"arn:{call.world.partition}:s3:::{source}"),',
        "",
    ),
    _rule(
        "s3.object: no KMS",
        "s3/objects.py",
        'call.request.header("x-amz-server-side-encryption") not in (None, "AES256")',
        "False",
    ),
    # --- permissions -------------------------------------------------------------------------
    _rule(
        "access: a denial of the caller's own",
        "access.py",
        "        if one.explicit_deny:\n",
        "        if False:\n",
        tests="explicit_deny",
    ),
    _rule(
        "access: a denial of the bucket's",
        "access.py",
        "if shared.explicit_deny:",
        "if False:",
        tests="beats_the_administrator",
    ),
    _rule("access: boundaries", "access.py", "    if boundary:", "    if False:", tests="boundary"),
    _rule(
        "access: session policies",
        "access.py",
        "if caller.session_policies is not None:",
        "if False:",
        tests="sessions_own",
    ),
    _rule(
        "access: session policies limit what a bucket gives",
        "access.py",
        "shared.allowed and judged.get(_SESSION, shared).allowed",
        "shared.allowed",
        tests="does_not_reach_over",
    ),
    _rule(
        "access: own policies",
        "access.py",
        "        if not one.allowed:\n",
        "        if False:\n",
        tests="without_policies",
    ),
    _rule(
        "access: a bucket may let in",
        "access.py",
        "if shared.allowed and judged.get(_SESSION, shared).allowed:",
        "if False:",
        tests="let_a_user_in",
    ),
    _rule(
        "access: inline policies",
        "access.py",
        "inline = [documents.parse(text) for text in identity.policies.values()]",
        "inline = []",
        tests="at_the_time",
    ),
    _rule(
        "access: managed policies",
        "access.py",
        "inline + [_managed(call, arn) for arn in identity.managed_policies]",
        "inline",
        tests="of_aws_itself",
    ),
    # --- signatures --------------------------------------------------------------------------
    _rule(
        "signature: the secret",
        "callers.py",
        "if not sigv4.matches(request, signature, secret):",
        "if False:",
        tests="wrong_secret",
    ),
    _rule(
        "signature: the clock",
        "callers.py",
        "if not sigv4.fresh(signature, world.clock()):",
        "if False:",
        tests="clock_that",
    ),
    _rule(
        "signature: AWS's headers",
        "callers.py",
        'if missing and target.service in ("s3", "s3control"):',
        "if False:",
        tests="must_be_signed",
    ),
    _rule(
        "signature: region and service",
        "callers.py",
        "    _check_scope(signature, target)",
        "    pass",
        tests="one_region",
    ),
    _rule(
        "signature: the scope's date",
        "sigv4.py",
        "consistent and hmac",
        "hmac",
        tests="date_of_the_scope",
    ),
    _rule(
        "signature: switched-off keys",
        "callers.py",
        ' or key.status != "Active"',
        "",
        tests="switched_off",
    ),
    _rule(
        "signature: no token with a user's key",
        "callers.py",
        " or signature.token:",
        ":",
        tests="token_with_a_long",
    ),
    _rule(
        "signature: keys of this partition",
        "callers.py",
        "if target.partition == world.partition:",
        "if True:",
        tests="own_partition",
    ),
    _rule(
        "signature: a week at most",
        "sigv4.py",
        "not 0 < int(expires) <= MAX_PRESIGNED",
        "False",
        tests="week_at_most",
    ),
    _rule(
        "body: its hash",
        "payload.py",
        "hashlib.sha256(data).hexdigest() != declared.lower()",
        "False",
        tests="signed_hash",
    ),
    _rule(
        "body: its MD5",
        "payload.py",
        "declared is not None and declared != actual",
        "False",
        tests="wrong_md5",
    ),
    _rule(
        "call: unsigned ones of S3 and STS only",
        "front.py",
        "if call.caller is None and not operation.anonymous:",
        "if False:",
        tests="no_signature",
    ),
    # --- seen late ---------------------------------------------------------------------------
    _rule(
        "late: IAM is seen as it was",
        "lag.py",
        "return self._states[0][1] if self._states else truth",
        "return truth",
        tests="test_delays",
    ),
    _rule(
        "late: changes must fit what is seen",
        "world.py",
        "        with self._showing(copied(self.iam)):\n            make()",
        "        pass",
        tests="test_delays",
    ),
    _rule(
        "late: changes are seen in their order",
        "lag.py",
        "self._states[1][0] <= due:",
        "True:",
        tests="test_delays",
    ),
    _rule(
        "late: keys are kept",
        "web.py",
        "if (now - read_at).total_seconds() < world.delays().jwks and body:",
        "if False:",
        tests="test_delays",
    ),
    _rule(
        "late: keys are read again",
        "web.py",
        "(now - read_at).total_seconds() < world.delays().jwks and body",
        "world.delays().jwks and body",
        tests="test_delays",
    ),
)

# Refusals that no test brings about, as expressions for their names, each with the reason.
SPARED = (
    r"local/aws/__main__\.py",  # another process; its own tests start it
    r"its times are not numbers",  # for the type checker: the parser refuses such a token
    r"has no member",  # a mistake of a handler, not of a client
    r"sts\.py:\d+ raise ApiError\('MissingAuthenticationToken'",  # refused before, for all calls
    r"raise problems\.limit\(f'RolesPerAccount",  # a thousand roles take too long
)
