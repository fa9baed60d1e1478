"""
The images, built without a registry and without Docker.

The base, the API server, ours, and the application's. Ours is built from the real Dockerfile.
Everything that buildah keeps lies below /run and /var, which are not the machine's own here.
Never here: running them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

BASE = "localhost/base:e2e"
APISERVER = "localhost/kube-apiserver:e2e"
IRSA = "localhost/irsa:e2e"
APPLICATION = "localhost/application:e2e"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# Its command makes it fit for the sandbox of a pod, too: it only waits.
_BASE = """\
FROM scratch
ADD {archive} /
CMD ["/bin/sleep", "infinity"]
"""
_APISERVER = """\
FROM scratch
COPY {program} /usr/local/bin/kube-apiserver
ENV PATH=/usr/local/bin
"""
_APPLICATION = """\
FROM localhost/base:e2e
COPY requirements/build.txt requirements/local.txt requirements/
RUN python3 -m venv /opt/application \\
 && /opt/application/bin/pip install --no-cache-dir \\
      --require-hashes --requirement requirements/build.txt --requirement requirements/local.txt
ENV PATH=/opt/application/bin:$PATH
"""


class Builder:
    """
    Builds images, and writes each to an archive that containerd reads.

    Args:
        directory: An empty directory for its files.
        source: The clone.
    """

    def __init__(self, directory: Path, *, source: Path) -> None:
        self._directory = directory
        self._source = source
        directory.mkdir(parents=True)

    def base(self, debian: Path) -> Path:
        """The image that the others begin with."""
        self._build(BASE, debian.parent, recipe=_BASE.format(archive=debian.name))
        return self._archive(BASE)

    def apiserver(self, program: Path) -> Path:
        """The program alone, which needs nothing else."""
        program = program.resolve()
        self._build(APISERVER, program.parent, recipe=_APISERVER.format(program=program.name))
        return self._archive(APISERVER)

    def irsa(self) -> Path:
        """Ours, from the real Dockerfile."""
        self._build(IRSA, self._source, options=["--build-arg", f"BASE={BASE}", *self._pip()])
        return self._archive(IRSA)

    def application(self) -> Path:
        """One with boto3 and the AWS CLI, of the pinned versions."""
        self._build(APPLICATION, self._source, recipe=_APPLICATION, options=self._pip())
        return self._archive(APPLICATION)

    def close(self) -> None:
        """Remove all but the archives: it lies in memory."""
        shutil.rmtree(self._directory / "storage")

    def _build(
        self, name: str, context: Path, *, options: Sequence[str] = (), recipe: str | None = None
    ) -> None:
        chosen: list[str] = []
        if recipe is not None:
            file = self._directory / f"{_short(name)}.Dockerfile"
            file.write_text(recipe)
            ignored = file.with_name("ignored")
            ignored.touch()
            chosen = ["--file", str(file), "--ignorefile", str(ignored)]
        network = ["--network", "host"]
        self._run("bud", "--tag", name, *network, *chosen, *options, str(context))

    def _archive(self, name: str) -> Path:
        file = self._directory / f"{_short(name)}.tar"
        self._run("push", name, f"docker-archive:{file}:{name}")
        return file

    def _run(self, *arguments: str) -> None:
        variables = {"BUILDAH_ISOLATION": "chroot"}
        stored = [f"--root={self._directory}/storage", f"--runroot={self._directory}/run"]
        ended = subprocess.run(
            ["buildah", *stored, "--storage-driver=overlay", *arguments],
            env=os.environ | variables | {"TMPDIR": str(self._directory)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"buildah {arguments[0]} failed:\n{ended.stdout[-4000:]}")

    def _pip(self) -> list[str]:
        """How pip of this machine finds packages, for the pip in the build, and nothing else."""
        settings = _settings_of_pip()
        file = self._directory / "pip.conf"
        lines = [f"{name} = {value}" for name, value in settings.items()]
        file.write_text("\n".join(["[global]", *lines, ""]))
        mounted = {str(file): "/etc/pip.conf"}
        if Path(_AUTHORITIES).exists():
            mounted[os.environ.get("SSL_CERT_FILE") or _AUTHORITIES] = _AUTHORITIES
        places = [settings.get("cert", ""), *settings.get("find-links", "").split()]
        mounted |= {place: place for place in places if Path(place).is_absolute()}
        return [
            part
            for source, target in mounted.items()
            if Path(source).exists()
            for part in ("--volume", f"{source}:{target}:ro")
        ]


def _short(name: str) -> str:
    return name.partition("/")[2].partition(":")[0]


def _settings_of_pip() -> dict[str, str]:
    """What files and variables tell pip; of what is told twice, the variable counts."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        found[name.rpartition(".")[2]] = value.strip("'\"")
    return found
