"""Sessions: one for each call under way, used again."""

import pytest

from irsa.aws.sending import Sessions


class _Session:
    """Refuses a second call while one is under way."""

    def __init__(self, made):
        self.busy = False
        self.closed = False
        made.append(self)

    def send(self, request):
        assert not self.busy, "two calls at a time"
        self.busy = True
        try:
            return request()
        finally:
            self.busy = False

    def close(self):
        self.closed = True


@pytest.fixture(name="made")
def _made(monkeypatch):
    """The sessions that were made."""
    made = []
    monkeypatch.setattr("irsa.aws.sending.URLLib3Session", lambda **_: _Session(made))
    return made


def _sessions():
    return Sessions(verify=True, proxies={}, timeout=(1, 1))


def test_call_during_another_gets_a_session_of_its_own(made):
    """However many are under way."""
    sessions = _sessions()
    assert sessions.send(lambda: sessions.send(lambda: "inner")) == "inner"
    assert len(made) == 2


def test_session_is_used_again(made):
    """Also after a call that failed: its connections are kept for every later one."""
    sessions = _sessions()
    with pytest.raises(OSError, match="away"):
        sessions.send(lambda: (_ for _ in ()).throw(OSError("away")))
    assert [sessions.send(lambda: 1) for _ in range(3)] == [1, 1, 1]
    assert len(made) == 1


def test_closing_closes_them_all(made):
    """Nothing stays open."""
    sessions = _sessions()
    sessions.send(lambda: sessions.send(lambda: None))
    sessions.close()
    assert [one.closed for one in made] == [True, True]
