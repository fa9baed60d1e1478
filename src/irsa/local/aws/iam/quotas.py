"""
IAM's quotas, as GetAccountSummary tells them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
Never here: counting.
"""

TRUST_POLICY = 2048
INLINE_POLICIES_PER_ROLE = 10_240
INLINE_POLICIES_PER_USER = 2048
MANAGED_POLICY = 6144
ATTACHED_POLICIES = 10
ROLES = 1000
USERS = 5000
POLICIES = 1500
PROVIDERS = 100
CLIENT_IDS = 100
THUMBPRINTS = 5
TAGS = 50
ACCESS_KEYS = 2
POLICY_VERSIONS = 5
