"""
How long a plan takes for one role, 200 and 2,000, on a real API server and a strict local AWS.

Everything exists already, so that each plan reads everything and finds nothing to change. Whole
processes are timed, as a user runs them. Prints medians and ratios of one run; asserts nothing.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from irsa.kube.client import Kube
from irsa.local.supervisor import environment

IRSA = [sys.executable, "-m", "irsa"]
ROUNDS = {1: 5, 200: 5, 2000: 2}
POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ACCOUNT, REGION = "111122223333", "eu-west-1"
NAMESPACE = "bench"
# An account has a quota of 1,000 roles until somebody asks AWS for more; this one asked.
AWS = """\
import sys
from irsa.local.aws.iam import quotas
quotas.ROLES = 5000
from irsa.local.aws.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
Environment = dict[str, str]


@contextmanager
def cluster(home: Path) -> Iterator[Environment]:
    """A control plane with one API server, and the variables that lead to it."""
    env = {**environment(os.environ), "XDG_STATE_HOME": str(home), "HOME": str(home)}
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    env["XDG_CACHE_HOME"] = cache
    try:
        run(env, *IRSA, "local", "up", "--name", "bench")
        exports = run(env, *IRSA, "local", "env", "--name", "bench").splitlines()
        pairs = (line.removeprefix("export ").partition("=") for line in exports)
        yield env | {name: text for name, _, text in pairs}
    finally:
        run(env, *IRSA, "local", "down", "--name", "bench")


@contextmanager
def account(home: Path, env: Environment) -> Iterator[Environment]:
    """A local AWS whose account may have many roles, and the variables that lead to it."""
    keys = {name: env[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")}
    (home / "credentials.json").write_text(
        json.dumps(
            {
                "accessKeyId": keys["ACCESS_KEY_ID"],
                "secretAccessKey": keys["SECRET_ACCESS_KEY"],
            }
        )
    )
    options = ["--directory", str(home), "--account", ACCOUNT, "--region", REGION]
    aws = subprocess.Popen([sys.executable, "-c", AWS, *options, "--die-with-parent"], env=env)
    try:
        while not (home / "ready.json").exists():
            time.sleep(0.1)
        ready = json.loads((home / "ready.json").read_text())
        yield env | {"HTTPS_PROXY": ready["proxy"], "AWS_CA_BUNDLE": ready["ca"]}
    finally:
        aws.terminate()
        aws.wait()


def run(env: Environment, *command: str) -> str:
    """What a program prints."""
    ended = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr}")
    return ended.stdout


def configuration(roles: int, uid: str, home: Path) -> Path:
    """A configuration with so many roles, each with a managed policy and a ServiceAccount."""
    file = home / f"{roles}.yaml"
    accounts = [f"{NAMESPACE}/sa-{roles}-{number}" for number in range(roles)]
    document = {
        "apiVersion": "irsa/v1",
        "cluster": {"name": f"bench-{roles}", "uid": uid},
        "aws": {"account": ACCOUNT, "region": REGION},
        "issuer": {"publish": "s3", "bucket": f"bench-{roles}-issuer"},
        "injection": {"engine": "none"},
        "roles": [{"serviceAccounts": [name], "policies": [POLICY]} for name in accounts],
    }
    file.write_text(json.dumps(document))
    return file


def apply(env: Environment, file: Path) -> float:
    """How long it takes to make everything."""
    began = time.perf_counter()
    run(env, *IRSA, "apply", "--yes", "--config", str(file))
    return time.perf_counter() - began


def plan(env: Environment, file: Path) -> float:
    """How long one plan takes, as a whole process; it has to be empty."""
    began = time.perf_counter()
    said = run(env, *IRSA, "plan", "--config", str(file))
    if "nothing to change" not in said:
        sys.exit(f"the plan is not empty:\n{said}")
    return time.perf_counter() - began


def measure(env: Environment, home: Path) -> dict[int, tuple[float, list[float]]]:
    """Times of apply and of plans, small and large in turn; the largest comes last."""
    with Kube.open(kubeconfig=env["KUBECONFIG"]) as kube:
        uid = kube.cluster_uid()
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    files = {roles: configuration(roles, uid, home) for roles in ROUNDS}
    *small, largest = ROUNDS
    applied = {roles: apply(env, files[roles]) for roles in small}
    times: dict[int, list[float]] = {roles: [] for roles in ROUNDS}
    for _ in range(ROUNDS[small[0]]):
        for roles in small:
            times[roles].append(plan(env, files[roles]))
    applied[largest] = apply(env, files[largest])
    times[largest] = [plan(env, files[largest]) for _ in range(ROUNDS[largest])]
    return {roles: (applied[roles], times[roles]) for roles in ROUNDS}


def main() -> None:
    """Make everything, measure, print the table, take everything down."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        home = Path(scratch)
        (home / "aws").mkdir()
        env = stack.enter_context(cluster(home))
        env = stack.enter_context(account(home / "aws", env))
        measured = measure(env, home)
    floor = statistics.median(measured[1][1])
    print(f"{'roles':>6} {'plan, median':>13} {'min':>8} {'max':>8} {'against 1':>10} {'apply':>8}")
    for roles, (applied, times) in measured.items():
        median = statistics.median(times)
        row = " ".join(f"{value:6.2f} s" for value in (min(times), max(times)))
        print(f"{roles:>6} {median:>11.2f} s {row} {median / floor:>8.1f} x {applied:>6.1f} s")


if __name__ == "__main__":
    main()
