"""
The demo, with somebody looking over its shoulder: `python watched_demo.py DIRECTORY demo …`.

Just before everything is taken down, DIRECTORY gets all that the run wrote and sent so far: the
logs of every process, what lies in the cluster and in AWS, plans. Logs are linked, not copied, so
that they go on growing, and stay when the rig is gone.
"""

import json
import os
import sys
from pathlib import Path

from irsa.cli import main
from irsa.kube.client import Kube
from irsa.local.demo.shell import Shell
from irsa.local.demo.story import Story

# Where the keys belong: the CA's and the server's.
KEPT = {"irsa-webhook-ca", "irsa-webhook-tls"}


def watch(into: Path) -> None:
    """Have the story stop for a look before its end."""
    take_down = Story._take_down

    def watched(story, shell, rig, kube):
        look(into, shell, kube)
        take_down(story, shell, rig, kube)

    Story._take_down = watched


def look(into: Path, shell: Shell, kube: Kube) -> None:
    """Keep everything that could hold a secret and must not."""
    state = Path(os.environ["XDG_STATE_HOME"])
    for path in state.rglob("*"):
        if path.suffix in (".log", ".jsonl"):
            os.link(path, into / "-".join(path.relative_to(state).parts))
    for path in shell.directory.iterdir():
        (into / f"directory-{path.name}").write_bytes(path.read_bytes())
    (into / "cluster.json").write_text(json.dumps(objects(kube)))
    for name, text in said(shell).items():
        (into / name).write_text(text)


def objects(kube: Kube) -> dict[str, object]:
    """Every object in the cluster, of every kind that there is."""
    found = {}
    groups = json.loads(kube.raw("/apis"))["groups"]
    versions = [group["preferredVersion"]["groupVersion"] for group in groups]
    for root in ("/api/v1", *(f"/apis/{version}" for version in versions)):
        for kind in json.loads(kube.raw(root))["resources"]:
            if "list" in kind["verbs"]:
                listed = json.loads(kube.raw(f"{root}/{kind['name']}"))
                found[f"{root}/{kind['name']}"] = [without_keys(one) for one in listed["items"]]
    return found


def without_keys(thing: dict) -> dict:
    """An object; of the Secrets whose keys belong there, everything else."""
    name = thing["metadata"]["name"]
    return {part: one for part, one in thing.items() if part != "data" or name not in KEPT}


def said(shell: Shell) -> dict[str, str]:
    """What the commands print that the demo does not run, and what is in AWS."""
    other = shell.directory / "other.yaml"
    config = (shell.directory / "irsa.yaml").read_text()
    other.write_text(config.replace("name: demo", "name: other").replace("demo-", "other-"))
    commands = {
        "plan.json": "irsa plan --output json --config other.yaml",
        "status.json": "irsa issuer status --output json",
        "keys.json": "aws s3 cp s3://demo-irsa-issuer/keys.json -",
        "policy.json": "aws s3api get-bucket-policy --bucket demo-irsa-issuer",
        "roles.json": "aws iam list-roles",
    }
    told = {name: shell.read(*command.split()) for name, command in commands.items()}
    return told | {"plan.txt": shell.run("irsa", "--debug", "plan", "--config", "other.yaml")}


if __name__ == "__main__":
    directory, *arguments = sys.argv[1:]
    watch(Path(directory))
    sys.exit(main(arguments))
