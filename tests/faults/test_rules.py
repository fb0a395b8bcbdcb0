"""A stretch of readings while the processes that look at them die: it is neither forgotten nor counted twice."""

from datetime import UTC, datetime, timedelta

from tests.parts.system import Device, System
from tests.parts.waiting import until


def test_killed_in_the_middle_of_nine_minutes(own_system: System) -> None:
    system = own_system
    system.start("gateway", "alerts", "alerts-2", "api")
    system.wait_until_ready()
    operator = system.sign_in()
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    with Device(system.broker, system.station_devices("wristband")[1]) as wristband:

        def measures(*minutes: int) -> None:
            for minute in minutes:
                wristband.send({"ts": (begun + timedelta(minutes=minute)).isoformat(), "heart_rate": 134}, "readings")

        until(lambda: system.sql("SELECT 1 FROM device_limits"), "the limits of devices", limit=30)
        measures(0, 1, 2)
        until(lambda: system.sql("SELECT 1 FROM rule_subjects WHERE checked_at IS NOT NULL"), "a look", limit=30)
        system.kill("alerts")
        system.kill("alerts-2")
        measures(3, 4)
        system.kill("gateway")
        measures(5)  # the broker keeps it
        system.start("gateway", "alerts", "alerts-2")
        alert = operator.alert_of_device(wristband.device_id, limit=60)
        assert alert["occurred_at"] == (begun + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
        measures(5, 6, 7)
        until(lambda: system.sql("SELECT 1 FROM readings WHERE heart_rate = 134 OFFSET 7"), "all readings", limit=30)
        until(lambda: not system.sql("SELECT 1 FROM rule_checks"), "looks at all of them", limit=30)
        assert operator.get(f"/alerts/{alert['id']}")["occurrences"] == 1
        assert len(system.sql("SELECT 1 FROM rule_episodes WHERE key = 'heart_rate_high'")) == 1
        assert len(system.sql("SELECT 1 FROM alerts WHERE type LIKE 'rule.%%'")) == 1
