"""What cannot be stored, or cannot be taken in, stands before nobody's press."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from services.broker.accounts import BRIDGE
from tests.faults.storm import eventually
from tests.parts.figures import Tell
from tests.parts.system import Device, System, event

_unused = itertools.count()


@pytest.fixture
def devices(shared: System) -> Iterator[Callable[..., Device]]:
    """Calls for a wristband that no test here had before, or for a name over the other platform's account."""
    names = [str(one["device_id"]) for one in shared.seeded.devices if one["kind"] == "wristband"]
    with ExitStack() as opened:

        def get(name: str | None = None) -> Device:
            if name is None:
                return opened.enter_context(Device(shared.broker, names[next(_unused)]))
            return opened.enter_context(Device(shared.broker, name, username=BRIDGE))

        yield get


def sos(**fields: Any) -> bytes:
    return json.dumps(event("sos", **fields)).encode()


def nested(levels: int) -> bytes:
    start = json.dumps(event("sos"))[:-1]
    return (start + ', "detail": {"a": ' + "[" * levels + "]" * levels + "}}").encode()


POISON: dict[str, bytes] = {
    "accuracy that no float4 holds": sos(location={"lat": 29.7, "lon": 105.7, "accuracy": 1e300}),
    "NUL in event_id": sos(event_id="a\x00b"),
    "NUL in ts": sos(ts="2026\x00"),
    "NUL in keys and values": sos(detail={"a\x00": {"\x00": ["\x00"]}}),
    "NUL in type": json.dumps({"type": "sos\x00", "event_id": "nul"}).encode(),
    "lone surrogates": sos(detail={"\ud800": "\udfff"}, ts="\ud800"),
    "seq of 30 digits": sos(seq=10**30),
    "numbers of 4,000 digits": sos()[:-1] + b', "detail": {"n": ' + b"9" * 4000 + b', "m": 1e999}}',
    "numbers of 9,000 digits": sos()[:-1] + b', "seq": ' + b"9" * 9000 + b"}",
    "NaN": sos(battery=float("nan"), detail={"n": float("inf")}),
    "190 levels": nested(190),
    "5,000 levels": nested(5000),
    "250 KiB of detail": sos(detail={"text": "跌" * 85_000}),
    "300 KiB": sos(detail={"text": "x" * 300_000}),
    "a list for everything": sos(event_id=[1], ts=[2], seq=[3], location=[4], battery=[5], detail=[6]),
    "ts as long as a book": sos(ts="9" * 100_000),
    "the year 9999": sos(ts="9999-12-31T23:59:59.999999-23:59"),
    "not UTF-8": sos(detail={"text": "GB"})[:-4] + "跌倒".encode("gb18030") + b'"}}',
    "cut off": sos(detail={"text": "x"})[:60],
    "cancel of nothing": json.dumps(event("cancel", cancels="\x00")).encode(),
    "a service without end": json.dumps(event("service_request", detail={"service": "饭" * 50_000})).encode(),
    "nothing": b"",
    "zeros": bytes(1000),
}
_UNHEARD = """
SELECT 1 FROM gateway_slots s WHERE heard_at < clock_timestamp() - interval '3 seconds' OR NOT EXISTS
    (SELECT FROM pg_stat_activity a WHERE a.pid = s.backend_pid AND a.application_name = 'anhu-slot')
"""
NAMES = ["n" * 5000, "安" * 300, "a b'\"$;", "."]


def test_poison_never_stands_before_a_press(shared: System, devices: Callable[..., Device], tell: Tell) -> None:
    sick, well = devices(), devices()
    named = [(devices(name), name) for name in NAMES]
    waits: dict[str, float] = {}

    def press_after(what: str) -> None:
        began = time.monotonic()
        well.press()
        waits[what] = time.monotonic() - began

    # A test before may have left a slot without a gateway, which is taken over after 5 s: that is no poison's doing.
    eventually(lambda: not shared.sql(_UNHEARD), "each slot is heard", limit=15)
    well.press()
    for what, payload in POISON.items():
        sick.send(payload)
        sick.send(payload, "readings")
        press_after(what)
    for device, name in named:
        device.send(sos())
        press_after(f"a device named {name[:10]}")
    for device_id, count in shared.sql(
        "SELECT device_id, count(*) FROM events LEFT JOIN alert_events ae ON ae.event = id"
        " WHERE ae.event IS NULL AND type = 'sos' GROUP BY 1"
    ):
        eventually(
            lambda: not shared.sql("SELECT 1 FROM event_queue WHERE device_id = %s", device_id),  # noqa: B023
            f"{count} presses of {device_id} are taken in",
            limit=15,
        )
    # What names an SOS raises, whatever else is wrong with it; the rest is kept with its reason.
    named_sos = [what for what, payload in POISON.items() if b'"sos"' in payload]
    raised = "SELECT count(*) FROM events JOIN alert_events ae ON ae.event = id WHERE device_id = %s"
    eventually(
        lambda: shared.sql(raised, sick.device_id)[0][0] == len(named_sos), f"each of {named_sos} raises", limit=15
    )
    others = (
        "SELECT count(DISTINCT device_id) FROM events JOIN alert_events ae ON ae.event = id WHERE device_id = ANY(%s)"
    )
    eventually(
        lambda: shared.sql(others, [name[:200] for name in NAMES])[0][0] == len(NAMES), "each name raises", limit=15
    )
    kept = shared.sql("SELECT count(DISTINCT payload) FROM quarantine WHERE device_id = %s", sick.device_id)[0][0]
    assert kept >= len(POISON) - len(named_sos)
    assert " CRITICAL " not in shared.log("gateway")
    slowest = max(waits, key=lambda what: waits[what])
    tell(
        f"{len(waits)} poisons, {kept} kept in quarantine; a press behind one was told stored after at most"
        f" {waits[slowest]:.3f} s ({slowest})"
    )
    assert waits[slowest] < 4, waits


BREAK = """
CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'broken on purpose';
END $$;
"""
MEND = "DROP FUNCTION IF EXISTS broken CASCADE"

IN_ALERT = """
SELECT a.alert_id FROM alert_events a JOIN events e ON e.id = a.event WHERE (e.device_id, e.event_id) = (%s, %s)
"""


# Behind the alert's own lock, like everything that moves its timers.
MAKE_DUE = """
WITH held AS MATERIALIZED (SELECT id FROM alerts WHERE id = %s FOR UPDATE)
UPDATE alert_timers t SET due_at = now() - %s::interval FROM held WHERE t.alert_id = held.id
"""


@pytest.fixture
def broken_alerts(shared: System) -> Iterator[Callable[[str, str], None]]:
    """Lets no alert be written that meets a condition: broken_alerts("INSERT", "NEW.device_id = …"), until the test
    drops the function or ends."""

    def break_them(when: str, condition: str) -> None:
        shared.sql(BREAK)
        shared.sql(
            f"CREATE TRIGGER broken BEFORE {when} ON alerts FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION broken()"
        )

    yield break_them
    shared.sql(MEND)


def test_an_event_that_cannot_be_taken_in_holds_up_nobody_and_is_tried_again(
    shared: System, devices: Callable[..., Device], broken_alerts: Callable[[str, str], None]
) -> None:
    broken, well = devices(), devices()
    broken_alerts("INSERT", f"NEW.device_id = '{broken.device_id}'")
    pressed = [broken.press() for _ in range(5)]
    other = well.press()
    well.receipt(other["event_id"], "raised", limit=5)
    eventually(
        lambda: shared.sql("SELECT 1 FROM event_queue HAVING min(attempts) > 0 AND count(*) = 5"),
        "all five were tried",
    )
    assert well.stages(other["event_id"])
    shared.sql(MEND)
    for one in pressed:
        broken.receipt(one["event_id"], "raised", limit=40)
    assert shared.processes["alerts"].poll() is None


def test_a_timer_that_fails_holds_up_no_other_and_is_tried_again(
    shared: System, devices: Callable[..., Device], broken_alerts: Callable[[str, str], None]
) -> None:
    broken, well = devices(), devices()
    alerts = {}
    for device in (broken, well):
        pressed = device.press()
        device.receipt(pressed["event_id"], "raised")
        alerts[device] = shared.sql(IN_ALERT, device.device_id, pressed["event_id"])[0][0]
    broken_alerts("UPDATE", f"NEW.id = '{alerts[broken]}'")
    shared.sql(MAKE_DUE, alerts[broken], "2 s")
    shared.sql(MAKE_DUE, alerts[well], "1 s")

    def escalated(device: Device) -> bool:
        return bool(
            shared.sql("SELECT 1 FROM alert_timeline WHERE alert_id = %s AND kind = 'escalated'", alerts[device])
        )

    eventually(lambda: escalated(well), "the other timer acts")
    assert not escalated(broken)
    assert shared.processes["alerts"].poll() is None, shared.log("alerts")[-2000:]
    shared.sql(MEND)
    eventually(lambda: escalated(broken), "the broken timer acts after all", limit=20)
