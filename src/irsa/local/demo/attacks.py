"""
What someone without the right would try, and how the real chain refuses it.

Never here: judging; an attack that succeeds is an error of the caller's.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from irsa import files
from irsa.errors import ProofError
from irsa.identity import tokens
from irsa.identity.keys import KeyKind, SigningKey
from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref
from irsa.local.demo.shell import Shell
from irsa.verify.echo import DEFAULT_IMAGE, Egress

AUDIENCE = "sts.amazonaws.com"
NAMESPACE = "default"
INTRUDER = "intruder"

_REFUSAL = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation[^:]*: (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One attack and AWS's answer to it: the operation, its code and its message."""

    attack: str
    operation: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    What is attacked.

    Args:
        signing_key: The API server's own private key: on the rig we hold it, to make old tokens.
    """

    role_arn: str
    service_account: str
    bucket: str
    region: str
    signing_key: Path
    egress: Egress


def all_of(shell: Shell, kube: Kube, target: Target) -> Iterator[Refusal]:
    """
    Try every attack.

    Raises:
        ProofError: One of them was not refused.
    """
    kube.apply(_service_account(INTRUDER))
    for attack, token in _tokens(kube, target).items():
        yield _assume(shell, attack, token, target)
    yield _unsigned(shell, kube, target)


def _tokens(kube: Kube, target: Target) -> dict[str, str]:
    name = target.service_account
    valid = kube.create_token(NAMESPACE, name, audiences=[AUDIENCE], expiration_seconds=600).token
    other = kube.create_token(NAMESPACE, INTRUDER, audiences=[AUDIENCE], expiration_seconds=600)
    ordinary = kube.create_token(NAMESPACE, name, audiences=[], expiration_seconds=600)
    return {
        "the token of another ServiceAccount": other.token,
        "a token for the API server's own audience": ordinary.token,
        "a token signed with another key under the same kid": _forged(valid),
        "a token that expired a minute ago": _expired(valid, target.signing_key),
    }


def _forged(valid: str) -> str:
    token = tokens.inspect(valid)
    return SigningKey.generate(KeyKind.rsa_2048).sign_jwt(
        dict(token.claims), headers={"kid": token.kid}
    )


def _expired(valid: str, key: Path) -> str:
    ours = SigningKey.load(files.read_bytes(key), str(key))
    now = int(time.time())
    claims = dict(tokens.inspect(valid).claims)
    return ours.sign_jwt({**claims, "iat": now - 660, "nbf": now - 660, "exp": now - 60})


def _assume(shell: Shell, attack: str, token: str, target: Target) -> Refusal:
    file = shell.directory / "stolen-token"
    files.write_atomic(file, token.encode(), mode=files.SECRET_MODE)
    shell.audience.say(attack)
    try:
        said = shell.run(
            "aws",
            "sts",
            "assume-role-with-web-identity",
            f"--role-arn={target.role_arn}",
            "--role-session-name=attack",
            f"--web-identity-token=file://{file.name}",
            fails=True,
        )
    finally:
        file.unlink()
    return _refusal(attack, said)


def _unsigned(shell: Shell, kube: Kube, target: Target) -> Refusal:
    attack = "a pod whose ServiceAccount is not annotated"
    shell.audience.say(attack)
    job = _job(target)
    shell.audience.command(f"kubectl create -f {job['metadata']['name']}.yaml")
    kube.create(job)
    try:
        said = _said(kube, job)
    finally:
        kube.delete(Ref.of(job))
    for line in said.splitlines():
        shell.audience.output(line)
    return _refusal(attack, said)


def _refusal(attack: str, said: str) -> Refusal:
    match = _REFUSAL.search(said)
    if not match:
        raise ProofError(f"{attack}: AWS gave no answer: {said.strip() or 'nothing was said'}")
    code, operation, message = match.groups()
    return Refusal(attack=attack, operation=operation, code=code, message=message.strip())


def _said(kube: Kube, job: Object, *, seconds: float = 60) -> str:
    """What the Job's only pod left as its last words."""
    selector = f"job-name={job['metadata']['name']}"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for pod in kube.list("v1", "Pod", namespace=NAMESPACE, label_selector=selector):
            for status in pod.get("status", {}).get("containerStatuses", ()):
                ended = status.get("state", {}).get("terminated")
                if ended:
                    return str(ended.get("message", ""))
        time.sleep(0.2)
    raise ProofError(f"the pod of Job {job['metadata']['name']} did not end in {seconds:.0f} s")


def _service_account(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": NAMESPACE},
    }


def _job(target: Target) -> Object:
    egress = target.egress
    variables = {
        "HTTPS_PROXY": egress.proxy,
        "NO_PROXY": egress.no_proxy,
        "AWS_CA_BUNDLE": "/etc/demo/ca.pem",
        "AWS_DEFAULT_REGION": target.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [
        "aws",
        "s3api",
        "put-object",
        "--no-sign-request",
        f"--bucket={target.bucket}",
        "--key=stolen.txt",
    ]
    container = {
        "name": "aws",
        "image": DEFAULT_IMAGE,
        "command": command,
        "env": [{"name": name, "value": value} for name, value in variables.items() if value],
        "volumeMounts": [{"name": "ca", "mountPath": "/etc/demo"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": INTRUDER, "namespace": NAMESPACE},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "spec": {
                    "serviceAccountName": INTRUDER,
                    "restartPolicy": "Never",
                    "containers": [container],
                    "volumes": [{"name": "ca", "configMap": {"name": "demo-ca"}}],
                }
            },
        },
    }


def ca_config_map(egress: Egress) -> Object:
    """The ConfigMap through which the intruder's pod trusts the local AWS."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "demo-ca", "namespace": NAMESPACE},
        "data": {"ca.pem": egress.ca_pem or ""},
    }
