"""Every version of what API servers trust and of what the webhook serves."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from irsa.controller.certificates import REGISTRATION
from irsa.controller.secrets import read_serving
from irsa.errors import KubeError
from irsa.injection.settings import TLS_SECRET
from irsa.kube.client import Kube

from .controlling import Installation
from .trusting import bundle_of, trusts
from .waiting import until


class History:
    """
    Every version of the serving certificate and of `caBundle`, in the order of their writing.

    The versions of objects come from one counter of etcd, so that two watches give one order.

    Args:
        installation: Whose objects.
    """

    def __init__(self, installation: Installation) -> None:
        self._installed = installation
        self._seen: dict[int, tuple[str, dict[str, Any]]] = {}
        self._stack = contextlib.ExitStack()
        self._threads: list[threading.Thread] = []
        items = (installation.secret(TLS_SECRET), installation.kube.get(REGISTRATION))
        # What was written earlier belongs to a state that is not known any more.
        versions = [int(item["metadata"]["resourceVersion"]) for item in items if item]
        self._since = max(versions, default=0)
        self._leaf, self._bundle = installation.leaf, installation.bundle

    def __enter__(self) -> "History":
        for kind, version, namespace, name in (
            ("Secret", "v1", self._installed.own, TLS_SECRET),
            (REGISTRATION.kind, REGISTRATION.api_version, None, REGISTRATION.name),
        ):
            kube = self._stack.enter_context(
                Kube.open(kubeconfig=str(self._installed.rig.kubeconfig))
            )
            watch = kube.watch(
                version, kind, namespace=namespace, field_selector=f"metadata.name={name}"
            )
            thread = threading.Thread(target=self._read, args=(watch,))
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        for thread in self._threads:
            thread.join()

    def _read(self, watch: Iterator[tuple[str, dict[str, Any]]]) -> None:
        with contextlib.suppress(KubeError):
            for event, item in watch:
                if event != "DELETED":
                    self._seen[int(item["metadata"]["resourceVersion"])] = item["kind"], item

    def heard(self, *items: dict[str, Any] | None) -> bool:
        """Whether the watches have told of these versions."""
        return all(int(item["metadata"]["resourceVersion"]) in self._seen for item in items if item)

    def catch_up(self) -> None:
        """Wait until everything that is there now was heard of."""
        kube, installation = self._installed.kube, self._installed
        until(
            lambda: self.heard(installation.secret(TLS_SECRET), kube.get(REGISTRATION)), "history"
        )

    def gaps(self) -> list[str]:
        """The versions at which what is served, or was just before, is not trusted."""
        self.catch_up()
        found: list[str] = []
        leaves = [self._leaf] if self._leaf else []
        bundle = self._bundle
        for version, (kind, item) in sorted(self._seen.items()):
            if version <= self._since:
                continue
            if kind == "Secret":
                serving = read_serving(item)
                if serving and serving.certificate not in leaves:
                    leaves = [*leaves[-1:], serving.certificate]
            else:
                bundle = bundle_of(item)
            found += [f"{version}: {kind}" for leaf in leaves if not trusts(bundle, leaf)]
        return found

    @property
    def news(self) -> int:
        """How many versions came since the beginning."""
        self.catch_up()
        return sum(version > self._since for version in self._seen)
