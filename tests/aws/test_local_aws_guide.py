"""The guide for CI: its example is a test file that passes as it stands there."""

import os
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs/guides/local-aws-in-ci.md"


def test_the_example_of_the_guide_passes(tmp_path):
    """With nothing but what `irsa local env` prints."""
    example = GUIDE.read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "test_example.py").write_text(example)
    base = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}

    def run(*command: str, **more: str) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", *command],
            env=base | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    run("irsa", "local", "up", "--only", "aws", "--name", "guide")
    try:
        printed = run("irsa", "local", "env", "--name", "guide").splitlines()
        pairs = [one.removeprefix("export ").split("=", 1) for one in printed if "=" in one]
        variables = {name: text.strip("'") for name, text in pairs}
        said = run("pytest", "-q", "-p", "no:cacheprovider", "test_example.py", **variables)
        assert "3 passed" in said
        told = run("irsa", "local", "log", "--aws", "--name", "guide")
        assert "and the request has 'system:serviceaccount:shop:cron'" in told
    finally:
        run("irsa", "local", "down", "--name", "guide")
