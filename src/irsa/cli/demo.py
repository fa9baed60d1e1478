"""`irsa demo`: the whole chain on this machine."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from irsa.cli.render import console


def command(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything up at the end, and say how to use it.")
    ] = False,
    name: Annotated[
        str, typer.Option("--name", help="The name of the local rig that the demo makes.")
    ] = "demo",
    svg: Annotated[
        Path | None,
        typer.Option("--save-svg", metavar="FILE", help="Also keep the session as a picture."),
    ] = None,
) -> None:
    """
    Watch the whole chain work on this machine: no cloud account, no root.

    A real Kubernetes control plane and a strict AWS start here; keys are published, a role made,
    the API server's issuer changed, the webhook installed; a pod writes an S3 object with its own
    role; attacks are refused; everything is removed.

    Example: irsa demo --keep
    """
    from irsa.cli.render.demo import Screen
    from irsa.local.demo.story import Setting, Story

    screen = Screen(record=svg is not None)
    directory = Path(tempfile.mkdtemp(prefix="irsa-demo-"))
    try:
        story = Story(audience=screen, directory=directory, setting=Setting(name=name), keep=keep)
        ending = story.tell()
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
    screen.conclude(ending)
    if svg:
        screen.save_svg(svg)
    if keep:
        _explain(name, directory)


def _explain(name: str, directory: Path) -> None:
    console.note("")
    console.note("Everything is still up. Look around:")
    console.note(f"  cd {directory}")
    console.note(f'  eval "$(irsa local env --name {name})"')
    console.note("  irsa plan; irsa status; irsa issuer status; aws iam list-roles")
    if shutil.which("kubectl"):
        console.note("  kubectl get pods -A")
    console.note(f"  irsa local log --name {name} --aws")
    console.note("and end it with:")
    console.note(f"  irsa local down --name {name}; rm -r {directory}")
