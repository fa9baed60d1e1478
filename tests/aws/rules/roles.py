"""IAM: roles, policies and tags."""

from tests.aws.mutation import Mutant
from tests.aws.rules.table import rule

RULES: tuple[Mutant, ...] = (
    rule(
        "iam.role: a trust policy has 2048 characters",
        "iam/quotas.py",
        "TRUST_POLICY = 2048",
        "TRUST_POLICY = 4096",
        "2048_characters",
    ),
    rule("iam: white space is not counted", "documents.py", " if not character.isspace()", ""),
    rule(
        "iam.role: a name is one in every case",
        "world.py",
        "(r for r in self.iam.roles.values() if r.name.lower() == name.lower())",
        "(r for r in self.iam.roles.values() if r.name == name)",
        "every_case",
    ),
    rule(
        "iam.role: an hour unless said otherwise",
        "iam/roles.py",
        "DEFAULT_DURATION = 3600",
        "DEFAULT_DURATION = 7200",
        "lasts_an_hour",
    ),
    rule(
        "iam.role: a boundary must exist",
        "iam/roles.py",
        "        policies.existing(call.world, boundary)",
        "        pass",
    ),
    rule(
        "iam.role: tags need their permission",
        "iam/roles.py",
        'extra = [("iam:TagRole", arn)] if call.params.get("Tags") else []',
        "extra = []",
    ),
    rule(
        "iam.role: lists have no tags",
        "iam/roles.py",
        '"MaxSessionDuration": role.max_session_duration,\n    }',
        '"MaxSessionDuration": role.max_session_duration, "Tags": role.tags or None}',
    ),
    rule(
        "iam.tags: keys have no case",
        "iam/tags.py",
        'tag["Key"].lower() for tag in new',
        'tag["Key"] for tag in new',
    ),
    rule("iam.tags: 50", "iam/quotas.py", "TAGS = 50", "TAGS = 500", "tags"),
    rule(
        "iam.policy: 10 are attached",
        "iam/quotas.py",
        "ATTACHED_POLICIES = 10",
        "ATTACHED_POLICIES = 100",
        "ten_policies",
    ),
    rule(
        "iam.policy: inline ones together",
        "iam/holders.py",
        "> kind.inline_quota:",
        "> 10 * kind.inline_quota:",
    ),
    rule(
        "iam.policy: a managed one",
        "iam/quotas.py",
        "MANAGED_POLICY = 6144",
        "MANAGED_POLICY = 61440",
        "has_a_quota",
    ),
)
