"""
The account's numbers: what there is, and how much there may be.

Never here: enforcing the quotas.
"""

from irsa.local.aws.call import Answer, Call
from irsa.local.aws.iam import quotas


def summary(call: Call) -> Answer:
    """GetAccountSummary."""
    iam = call.world.iam
    own = [arn for arn in iam.managed_policies if ":iam::aws:" not in arn]
    return {
        "SummaryMap": {
            "AccessKeysPerUserQuota": quotas.ACCESS_KEYS,
            "AssumeRolePolicySizeQuota": quotas.TRUST_POLICY,
            "AttachedPoliciesPerRoleQuota": quotas.ATTACHED_POLICIES,
            "AttachedPoliciesPerUserQuota": quotas.ATTACHED_POLICIES,
            "Policies": len(own),
            "PoliciesQuota": quotas.POLICIES,
            "PolicySizeQuota": quotas.MANAGED_POLICY,
            "Providers": len(iam.open_id_providers),
            "RolePolicySizeQuota": quotas.INLINE_POLICIES_PER_ROLE,
            "Roles": len(iam.roles),
            "RolesQuota": quotas.ROLES,
            "UserPolicySizeQuota": quotas.INLINE_POLICIES_PER_USER,
            "Users": len(iam.users),
            "UsersQuota": quotas.USERS,
            "VersionsPerPolicyQuota": quotas.POLICY_VERSIONS,
        }
    }
