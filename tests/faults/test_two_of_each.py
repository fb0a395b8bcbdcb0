"""Several gateways and alerts workers at once: killed, hung, and not started again."""

import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.faults.cable import Cable
from tests.faults.killing import Killer, at_work, start_named, stop_inside
from tests.faults.storm import Storm, assert_exactly_once, eventually, lateness
from tests.parts.figures import Tell
from tests.parts.system import Device, System

KILLED = ("gateway", "gateway-2", "alerts", "alerts-2")

#: After so long a slot whose gateway is gone has another (gateway/slots.py), and by contract a device repeats.
TAKEOVER, REPEAT = 5.0, 5.0
#: What a busy machine may add: these tests measure seconds on two cores that others use too.
SLACK = 6.0


def slots(system: System) -> int:
    return int(system.sql("SELECT count(*) FROM gateway_slots")[0][0])


def working(system: System, kind: str, count: int) -> bool:
    found = system.sql(
        "SELECT count(*) FROM workers WHERE kind = %s AND (status ->> 'ok')::boolean"
        " AND beat_at > clock_timestamp() - interval '3 s'",
        kind,
    )
    return bool(found[0][0] == count)


def test_timers_fire_once_and_presses_are_in_one_alert_while_both_of_each_are_killed(
    pair: System, storm: Callable[..., Storm], tell: Tell
) -> None:
    pair.sql("UPDATE alert_rules SET then_seconds = 4 WHERE type = 'fall'")
    fallen = [one["device_id"] for one in pair.seeded.devices if one["kind"] == "wristband"][:12]
    for device_id in fallen:
        with Device(pair.broker, str(device_id)) as device:
            device.press("fall")
    raging = storm(pair, presses=300, rate=25, seed=4)
    with Killer(pair, KILLED, 4, times=2) as killer:
        worsened = "SELECT alert_id FROM alert_timeline WHERE kind = 'worsened'"
        eventually(lambda: len(pair.sql(worsened)) >= len(fallen), "every fall turns red", limit=40)
        pair.sql("UPDATE alert_timers SET due_at = clock_timestamp() WHERE kind = 'escalate'")
        due = "SELECT 1 FROM alert_timers WHERE due_at <= clock_timestamp()"
        eventually(lambda: not pair.sql(due), "every timer that is due has fired", limit=40)
        eventually(raging.is_over, "the storm's end", limit=90)
    presses = raging.result()
    pair.wait_until_ready()
    assert_exactly_once(pair, presses)
    twice = pair.sql(
        "SELECT alert_id, kind, body, count(*) FROM alert_timeline WHERE kind IN ('worsened', 'escalated')"
        " GROUP BY 1, 2, 3 HAVING count(*) > 1"
    )
    assert not twice, f"timers that fired twice: {twice}"
    assert len(pair.sql(worsened)) == len(fallen)
    escalated = pair.sql("SELECT count(DISTINCT alert_id), count(*) FROM alert_timeline WHERE kind = 'escalated'")
    tell(
        f"{len(presses)} presses, {len(fallen)} falls turned red once each, {escalated[0][1]} escalations of"
        f" {escalated[0][0]} alerts; {killer}; {lateness(presses)}"
    )
    assert killer.inside.total() > 0, f"no kill landed inside a batch: {killer}"


def test_a_gateway_that_is_killed_and_not_started_again_is_replaced_by_the_other(
    pair: System, storm: Callable[..., Storm], tell: Tell
) -> None:
    raging = storm(pair, presses=140, rate=20, seed=5, resend_first=REPEAT, resend_longest=60)
    raging.wait_until_pressing()
    stop_inside(pair, "gateway", "events")
    pair.kill("gateway")
    presses = raging.result()
    assert_exactly_once(pair, presses)
    longest = max(press.stored_after or 0.0 for press in presses)
    tell(f"killed with a batch open; {slots(pair)} slots; {lateness(presses)}")
    assert longest < TAKEOVER + REPEAT + SLACK
    assert slots(pair) <= 4  # as many as there were gateways in any test


def test_a_gateway_that_hangs_inside_a_batch_holds_up_nobody_and_stores_nothing_twice_when_it_wakes(
    pair: System, storm: Callable[..., Storm], tell: Tell
) -> None:
    raging = storm(pair, presses=140, rate=20, seed=6, resend_first=REPEAT, resend_longest=60)
    raging.wait_until_pressing()
    stop_inside(pair, "gateway", "events")
    try:
        presses = raging.result()
    finally:
        pair.processes["gateway"].send_signal(signal.SIGCONT)
    eventually(lambda: working(pair, "gateway", 2), "the gateway that hung is back at work", limit=20)
    assert_exactly_once(pair, presses)
    longest = max(press.stored_after or 0.0 for press in presses)
    tell(f"hung with a batch open; {slots(pair)} slots; {lateness(presses)}")
    assert longest < TAKEOVER + REPEAT + SLACK


@pytest.fixture
def press_while_cut(pair: System, storm: Callable[..., Storm], tell: Tell) -> Callable[..., None]:
    """Starts the second gateway with settings that lead over the cable, and cuts that amid a storm of devices that
    repeat only after a minute: every press is told stored without that gateway, and before it is repeated."""

    def press(cable: Cable, **settings: str) -> None:
        start_named(pair, "gateway-2", **settings)
        eventually(lambda: at_work(pair, "gateway-2"), "both gateways are at work", limit=30)
        raging = storm(pair, presses=140, rate=20, seed=8, resend_first=60, resend_longest=60)
        raging.wait_until_pressing()
        cable.cut()
        presses = raging.result()
        assert_exactly_once(pair, presses)
        tell(f"cut off, and devices that repeat nothing; {slots(pair)} slots; {lateness(presses)}")
        assert max(press.stored_after or 0.0 for press in presses) < 60, "none waited for its device to repeat it"

    return press


def test_a_gateway_that_is_cut_off_from_the_broker_keeps_no_press_waiting(
    pair: System, press_while_cut: Callable[..., None]
) -> None:
    """The broker goes on giving its session a share of the presses."""
    pair.kill("gateway-2")
    with Cable((pair.broker.host, pair.broker.port)) as cable:
        through = urlsplit(pair.broker.url("anhu-gateway"))
        through = through._replace(netloc=through.netloc.replace(f":{pair.broker.port}", f":{cable.port}"))
        press_while_cut(cable, ANHU_MQTT_URL=through.geturl())
        assert not at_work(pair, "gateway-2"), "it says that it hears nothing"
        cable.mend()
        # It takes none from who hears, until it has waited a while; then it has its own again.
        eventually(lambda: at_work(pair, "gateway-2"), "it is back at work", limit=60)
    pair.kill("gateway-2")


def test_a_gateway_that_is_cut_off_from_the_database_keeps_no_press_waiting(
    pair: System, press_while_cut: Callable[..., None], server_folder: Path
) -> None:
    pair.kill("gateway-2")
    url = urlsplit(pair.database_url)
    server = Path(parse_qs(url.query)["host"][0])
    with Cable(str(server / ".s.PGSQL.5432"), server_folder / ".s.PGSQL.5432") as cable:
        through = url._replace(query=urlencode({"host": str(server_folder)}))
        press_while_cut(cable, ANHU_DATABASE_URL=through.geturl())
        cable.mend()
        eventually(lambda: at_work(pair, "gateway-2"), "it is back at work", limit=60)
    pair.kill("gateway-2")


def test_an_alerts_worker_that_hangs_with_an_event_in_its_hands_holds_up_nobody(
    pair: System, storm: Callable[..., Storm], tell: Tell
) -> None:
    began = pair.sql("SELECT clock_timestamp()")[0][0]
    raging = storm(pair, presses=140, rate=20, seed=7)
    raging.wait_until_pressing()
    stop_inside(pair, "alerts", "event_queue")
    try:
        presses = raging.result()
        eventually(lambda: not pair.sql("SELECT 1 FROM event_queue"), "the other worker takes every event in", limit=15)
    except BaseException:
        pair.processes["alerts"].send_signal(signal.SIGCONT)
        raise
    late = pair.sql(
        "SELECT max(extract(epoch FROM t.at - e.received_at))::float FROM alert_timeline t JOIN alert_events ae"
        " USING (alert_id) JOIN events e ON e.id = ae.event"
        " WHERE t.kind = 'folded' AND t.body ->> 'event_id' = e.event_id AND e.received_at > %s",
        began,
    )
    pair.processes["alerts"].send_signal(signal.SIGCONT)
    eventually(lambda: working(pair, "alerts", 2), "the worker that hung is back at work", limit=20)
    assert_exactly_once(pair, presses)
    tell(f"hung with an event claimed; an event was taken in at most {late[0][0]:.1f} s after it came")


def test_slots_do_not_grow_with_restarts(pair: System, tell: Tell) -> None:
    before = slots(pair)  # other tests had more gateways
    for turn in range(5):
        pair.kill("gateway-2")
        if turn % 4 == 3:  # some come back after the other has taken their slot over
            eventually(lambda: working(pair, "gateway", 1), "one gateway is left")
            eventually(
                lambda: pair.sql("SELECT 1 FROM gateway_slots HAVING count(DISTINCT holder) = 1"),
                "the other takes the slot over",
                limit=15,
            )
        start_named(pair, "gateway-2")
        pid = pair.processes["gateway-2"].pid
        eventually(
            lambda: pair.sql("SELECT 1 FROM workers WHERE pid = %s AND (status ->> 'ok')::boolean", pid),  # noqa: B023
            "the gateway is back at work",
            limit=20,
        )
    tell(f"{slots(pair)} slots after 5 restarts beside another gateway")
    assert slots(pair) <= max(3, before)
