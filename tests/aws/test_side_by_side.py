"""Calls side by side do not share what OpenSSL does not let them share."""

import ssl
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from irsa.aws.call import Call
from irsa.aws.client import Aws

from .local_account import ADMIN, REGION


def test_no_context_is_loaded_by_two_threads_at_once(aws, monkeypatch):
    """The CA bundle is read for each new connection, and threads make theirs at the same time."""
    loading: Counter[int] = Counter()
    together: list[int] = []
    # Eight threads load before any of them is done: none finds a connection that it could use.
    all_of_them = threading.Barrier(8, timeout=60)
    first = iter(range(8))
    original = ssl.SSLContext.load_verify_locations

    def load(context, *arguments, **named):
        loading[id(context)] += 1
        together.append(loading[id(context)])
        if next(first, None) is not None:
            all_of_them.wait()
        try:
            return original(context, *arguments, **named)
        finally:
            loading[id(context)] -= 1

    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name, value in zip(names, ADMIN, strict=False):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTPS_PROXY", aws.proxy)
    monkeypatch.setenv("AWS_CA_BUNDLE", aws.ca)
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load)
    call = Call(service="iam", operation="ListRoles", params={})
    with Aws.open(region=REGION) as door, ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(lambda _: door.read(call), range(16)))) == 16
    assert len(together) >= 8
    assert max(together) == 1
