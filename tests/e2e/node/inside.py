"""
What runs in the namespaces: first the images, on the machine's network; then the node, on its own.

`python -m tests.e2e.node.inside STAGE CGROUP PROGRAMS`; the stages are `story`, `held`, and, each
started by the former, `story-node` and `held-node`.
Nothing is taken down here: it all ends with the namespaces.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.node import apiserver, aws, images, kept, sealed
from tests.e2e.node.cluster import ROOT, Cluster
from tests.e2e.node.story import LOCAL_ISSUER, Quiet, Story
from tests.e2e.node.waiting import Failed, say

from irsa.errors import IrsaError
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.local.demo.shell import Shell
from irsa.local.readiness import ready

SOURCE = Path(__file__).parents[3]
UP = "the node is up"
_IMAGES = Path("/run/images")


def main(stage: str, cgroup: str, programs: str) -> int:
    """Run a stage; the exit code."""
    stages: dict[str, Callable[[Cluster], None]] = {"story-node": _tell, "held-node": _hold}
    if stage not in stages:
        _build(programs, whole=stage == "story")
        argv = [sys.executable, "-m", __spec__.name, f"{stage}-node", cgroup, programs]
        return subprocess.run(sealed.apart_network(argv), check=False).returncode
    cluster = Cluster([Path(each) for each in programs.split(":")], cgroup=cgroup)
    try:
        stages[stage](cluster)
    except BaseException as error:
        cluster.explain()
        if not isinstance(error, Failed | IrsaError):
            raise
        say(f"FAILED: {error}")
        return 1
    return 0


def _build(programs: str, *, whole: bool) -> None:
    say("the base image, and the API server's")
    debian = kept.debian()
    builder = images.Builder(_IMAGES, source=SOURCE)
    builder.base(debian)
    builder.apiserver(Path(shutil.which(apiserver.NAME, path=programs) or ""))
    if whole:
        say("our image, from the Dockerfile")
        builder.irsa()
        say("the application's image, with boto3 and the AWS CLI")
        builder.application()
    builder.close()


def _tell(cluster: Cluster) -> None:
    kube = _up(cluster)
    cloud = aws.start(cluster)
    work = ROOT / "work"
    work.mkdir()
    # Of this machine's variables, which may lead elsewhere, none reaches the commands of the story.
    unwanted: dict[str, str | None] = dict.fromkeys(set(os.environ) - {"PATH", "LANG"})
    own = {"HOME": str(work), "TMPDIR": str(sealed.TEMPORARY)}
    wanted = own | {"KUBECONFIG": str(cluster.kubeconfig)} | cloud.environment()
    shell = Shell(audience=Quiet(), directory=work, environment=unwanted | wanted)
    with kube:
        shown = Story(cluster=cluster, kube=kube, shell=shell, aws=cloud).tell()
    say(shown)


def _hold(cluster: Cluster) -> None:
    """Run a few pods, say so, and wait to be killed."""
    with _up(cluster) as kube:
        names = [f"waits-{number}" for number in range(3)]
        for name in names:
            kube.create(_waiting_pod(name))
        refs = [Ref("v1", "Pod", name, "default") for name in names]
        cluster.wait("pods run", lambda: all(ready(kube.get(ref) or {}) for ref in refs))
    sys.stdout.write(f"{UP}\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)


def _up(cluster: Cluster) -> Kube:
    say("the node")
    kube = cluster.up(sorted(_IMAGES.glob("*.tar")), issuer=LOCAL_ISSUER)
    say("the node is ready")
    return kube


def _waiting_pod(name: str) -> dict[str, object]:
    container = {"name": "waits", "image": images.BASE}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [container]},
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
