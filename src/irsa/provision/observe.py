"""
Read everything side by side: the time of a plan is that of its slowest read, not of their sum.

Never here: comparing what was read.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from irsa.provision.desired import Resources
from irsa.provision.resource import Resource
from irsa.provision.world import World, WorldReader

WORKERS = 16


def observe(resources: Resources, world: World) -> list[tuple[Resource[Any], Any]]:
    """
    Read what exists of every resource.

    Raises:
        IrsaError: The first read, in the order of the resources, that failed.
    """
    reader = WorldReader(world=world)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        futures = [pool.submit(resource.read, reader) for resource in resources]
        try:
            return [
                (resource, future.result())
                for resource, future in zip(resources, futures, strict=True)
            ]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
