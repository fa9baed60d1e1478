"""What is seen late."""

from tests.aws.mutation import Mutant
from tests.aws.rules.table import rule

RULES: tuple[Mutant, ...] = (
    rule(
        "late: IAM is seen as it was",
        "lag.py",
        "return self._states[0][1] if self._states else truth",
        "return truth",
        tests="test_delays",
    ),
    rule(
        "late: changes must fit what is seen",
        "world.py",
        "        with self._showing(copied(self.iam)):\n            make()",
        "        pass",
        tests="test_delays",
    ),
    rule(
        "late: changes are seen in their order",
        "lag.py",
        "self._states[1][0] <= due:",
        "True:",
        tests="test_delays",
    ),
    rule(
        "late: keys are kept",
        "web.py",
        "if (now - read_at).total_seconds() < world.delays().jwks and body:",
        "if False:",
        tests="test_delays",
    ),
    rule(
        "late: keys are read again",
        "web.py",
        "(now - read_at).total_seconds() < world.delays().jwks and body",
        "world.delays().jwks and body",
        tests="test_delays",
    ),
)
