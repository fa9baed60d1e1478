"""Commands of the demo, run while somebody watches."""

import sys

import pytest

from irsa.errors import ProofError
from irsa.local.demo.attacks import _refusal
from irsa.local.demo.shell import Shell, parse_exports


class Listener:
    """Keeps what it is told."""

    width = 80

    def __init__(self):
        self.lines = []

    def chapter(self, title):
        self.lines.append(title)

    def say(self, text):
        self.lines.append(text)

    def command(self, line):
        self.lines.append(f"$ {line}")

    def output(self, line):
        self.lines.append(line)


@pytest.fixture(name="shell")
def _shell(tmp_path):
    return Shell(audience=Listener(), directory=tmp_path)


def _python(code):
    return (sys.executable, "-c", code)


def test_lines_come_in_the_order_in_which_they_were_said(shell):
    """Both streams are one story."""
    code = "import sys; print('one'); print('two', file=sys.stderr); print('three')"
    printed = shell.run(*_python(code))
    assert printed.splitlines() == ["one", "two", "three"]
    assert shell.audience.lines[1:] == ["one", "two", "three"]


def test_a_result_is_read_and_not_shown(shell):
    """Credentials printed by `irsa local env` are nobody's business."""
    assert shell.read(*_python("print('secret')")) == "secret\n"
    assert "secret" not in "".join(shell.audience.lines[1:])


def test_a_failure_ends_the_story(shell):
    """With the last words of the command."""
    with pytest.raises(ProofError, match="gone wrong"):
        shell.run(*_python("import sys; sys.exit('gone wrong')"))


def test_an_attack_that_succeeds_is_an_error(shell):
    """What has to be refused and is not breaks the proof."""
    with pytest.raises(ProofError, match="had to be refused"):
        shell.run(*_python("pass"), fails=True)


def test_variables_are_set_and_taken_away(shell):
    """The environment of the rig replaces the user's own."""
    shell.environment = parse_exports("export A='b c'\nunset HOME\n")
    code = "import os; print(os.environ['A'], 'HOME' in os.environ)"
    assert shell.read(*_python(code)) == "b c False\n"


def test_the_answer_of_aws_is_recognised():
    """Operation, code and message, as the AWS CLI prints them."""
    said = (
        "\nAn error occurred (AccessDenied) when calling the PutObject operation: Access Denied\n"
    )
    refusal = _refusal("an attack", said)
    assert (refusal.operation, refusal.code) == ("PutObject", "AccessDenied")
    assert refusal.message == "Access Denied"


def test_no_answer_of_aws_is_no_refusal():
    """An attack that fails for another reason proves nothing."""
    with pytest.raises(ProofError, match="no answer"):
        _refusal("an attack", "Unable to locate credentials")
