"""`python -m irsa.local.node NODE.json`: the stand-in kubelet of one node."""

import json
import logging
import shutil
import sys
from pathlib import Path

from irsa.local import processes
from irsa.local.node.agent import Agent
from irsa.local.node.api import Api
from irsa.local.node.images import Images
from irsa.local.node.mounts import View
from irsa.local.node.runtime import Node
from irsa.local.processes import Program


def main(settings_file: Path) -> None:
    """Run the node that a file describes."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = json.loads(settings_file.read_text())
    directory = Path(settings["directory"])
    shutil.rmtree(directory / "var/lib/kubelet/pods", ignore_errors=True)
    (directory / "var/run").mkdir(parents=True, exist_ok=True)
    images = Images(binaries=Path(settings["binaries"]), directory=directory / "opt/images")
    images.install()
    node = Node(
        name=settings["name"],
        directory=directory,
        address=settings["address"],
        server=(settings["server"]["host"], settings["server"]["port"]),
        images=images,
        view=_view(settings["view"], directory),
    )
    logging.getLogger(__name__).info("containers see their mounts by %s", node.view)
    api = Api(directory / "etc/kubernetes/kubelet.conf")
    agent = Agent(node, api, settings["version"], settings["schedules"])
    agent.run()


def _view(wanted: str, directory: Path) -> View:
    """What was asked for, or what the system allows."""
    if wanted != "auto":
        return View(wanted)
    root = directory / "var/run/probe"
    root.mkdir(exist_ok=True)
    trial = Program(argv=["/bin/true"], environment={}, root=root, supervise=True)
    works = processes.launch(trial, log=directory / "var/run/probe.log").wait() == 0
    return View.namespaces if works else View.rewritten


if __name__ == "__main__":
    main(Path(sys.argv[1]))
