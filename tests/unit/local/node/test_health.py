"""When a container counts as started, as ready, and when it must be restarted."""

from irsa.local.node.health import Health


def look(health: Health, success: bool, now: float) -> None:
    track = health.next()
    assert track is not None
    health.note(track, success, now=now)


def test_without_probes_all_is_well() -> None:
    """A container without probes is started and ready at once."""
    health = Health({}, 0.0)
    assert (health.started, health.ready, health.must_restart) == (True, True, False)
    assert health.next() is None


def test_startup_comes_first() -> None:
    """Readiness is not asked before the startup probe has passed."""
    health = Health({"startupProbe": {"tcpSocket": {}}, "readinessProbe": {"exec": {}}}, 0.0)
    look(health, True, 1.0)
    assert (health.started, health.ready) == (True, False)
    look(health, True, 1.1)
    assert health.ready


def test_failures_count_once_a_period() -> None:
    """However eagerly we look, a probe fails only after its threshold of periods."""
    probe = {"exec": {}, "periodSeconds": 10, "failureThreshold": 2}
    health = Health({"livenessProbe": probe}, 0.0)
    for now in range(20):
        look(health, False, float(now))
    assert not health.must_restart
    look(health, False, 20.0)
    assert health.must_restart


def test_initial_delay_is_kept() -> None:
    """Nothing is looked at before the initial delay is over."""
    health = Health({"readinessProbe": {"exec": {}, "initialDelaySeconds": 5}}, 100.0)
    track = health.next()
    assert track is not None
    assert track.due == 105.0


def test_readiness_can_be_lost_and_won_back() -> None:
    """After enough failures a container is no longer ready, after a success it is again."""
    probe = {"exec": {}, "periodSeconds": 1, "failureThreshold": 2}
    health = Health({"readinessProbe": probe}, 0.0)
    look(health, True, 0.0)
    look(health, False, 1.0)
    assert health.ready
    look(health, False, 2.0)
    assert not health.ready
    look(health, True, 3.0)
    assert health.ready
