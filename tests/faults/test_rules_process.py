"""The rules on readings live beside the process that takes presses in: they may die, and it must not notice."""

import signal
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from tests.faults.storm import eventually
from tests.parts.system import Device, System

#: Rules, trials, what tells people, visits and medicines: each with its keeper.
BESIDE = 8


def keeper(system: System, name: str = "alerts") -> psutil.Process:
    """That of the rules, which is forked first; the others keep the rest."""
    rules_keeper, *_ = sorted(psutil.Process(system.processes[name].pid).children(), key=lambda one: one.pid)
    return rules_keeper


def family(system: System) -> list[psutil.Process]:
    """All that is beside: four keepers and whom they keep."""
    found = psutil.Process(system.processes["alerts"].pid).children(recursive=True)
    assert len(found) == BESIDE
    return found


def rules(system: System, name: str = "alerts") -> psutil.Process:
    (child,) = keeper(system, name).children()
    return child


def looks(system: System) -> int:
    """How often somebody was looked at, as the living rules' processes count it."""
    said = "SELECT coalesce(sum((status->'counters'->>'looks')::int), 0) FROM workers WHERE kind = 'rules'"
    return int(system.sql(f"{said} AND beat_at > clock_timestamp() - interval '5 seconds'")[0][0])


@pytest.fixture
def wristband(shared: System) -> str:
    return shared.station_devices("wristband")[0]


def test_killed_rules_are_begun_again_while_presses_go_on(shared: System, wristband: str) -> None:
    alerts, killed = shared.processes["alerts"].pid, rules(shared)
    operator = shared.sign_in()
    with Device(shared.broker, wristband) as device:
        killed.kill()
        operator.alert_of(device.press()["event_id"])
        eventually(lambda: keeper(shared).children() not in ([], [killed]), "the rules are begun again")
        assert shared.processes["alerts"].pid == alerts
        eventually(lambda: shared.sql("SELECT 1 FROM device_limits"), "the limits of devices")
        begun = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)
        for minute in range(7):
            ts = (begun + timedelta(minutes=minute)).isoformat()
            device.send({"ts": ts, "heart_rate": 134, "worn": True}, "readings")
        raised = "SELECT 1 FROM rule_episodes WHERE key = 'heart_rate_high'"
        eventually(lambda: shared.sql(raised), "an alert by a rule", limit=60)
    eventually(lambda: looks(shared) > 0, "the looks are counted, with the next beat")
    assert "is begun again" in shared.log("alerts")


def test_rules_that_hang_hold_no_press_up(shared: System, wristband: str) -> None:
    operator = shared.sign_in()
    hung = rules(shared)
    hung.send_signal(signal.SIGSTOP)
    try:
        with Device(shared.broker, wristband) as device:
            for kind in ("sos", "fall"):
                operator.alert_of(device.press(kind)["event_id"], limit=5)
    finally:
        hung.send_signal(signal.SIGCONT)


def test_killed_alerts_take_their_rules_along(shared: System) -> None:
    beside = family(shared)
    shared.kill("alerts")
    gone, alive = psutil.wait_procs(beside, timeout=10)
    assert (len(gone), alive) == (BESIDE, [])


def test_without_their_keeper_both_end_to_be_started_again(shared: System) -> None:
    worker = rules(shared)
    keeper(shared).kill()
    assert shared.processes.pop("alerts").wait(30) == 1
    psutil.wait_procs([worker], timeout=10)
    assert not worker.is_running()


def test_a_stop_in_order_ends_all_of_them(shared: System) -> None:
    beside = family(shared)
    process = shared.processes.pop("alerts")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    gone, alive = psutil.wait_procs(beside, timeout=10)
    assert (len(gone), alive) == (BESIDE, [])
    pids = [one.pid for one in beside]
    # On a machine that is busy enough one may not make it in time: then it was killed, with its row left, and said so.
    late = shared.log("alerts").count("and is killed")
    left = shared.sql("SELECT kind FROM workers WHERE kind IN ('rules', 'trials') AND pid = ANY(%s)", pids)
    assert len(left) <= late
