"""A second opinion on falls, through the real system: it says how likely, and changes nothing else."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from alerts.take_in import take_in_next
from gateway.event_lane import EventLane
from gateway.message import Message
from tests.contract.asking import bring_to, kinds
from tests.integration.test_counted_presses import Nobody
from tests.parts.acceleration import HOSTILE, MEANT, WINDOWS
from tests.parts.system import Device, System, event, seed_database
from tests.parts.waiting import until

_TIMERS = """
SELECT kind, round(extract(epoch FROM due_at - a.raised_at)) FROM alert_timers t JOIN alerts a ON a.id = t.alert_id
WHERE a.id = %s AND kind NOT IN ('plan', 'escalate')
"""


def fall(window: str) -> dict[str, Any]:
    return {"detail": {"acceleration": WINDOWS[window]}}


def opinions(detail: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["body"] for entry in detail["timeline"] if entry["kind"] == "second_opinion"]


def test_a_fall_with_acceleration_has_a_confidence_and_says_why(system: System, wristband: Device) -> None:
    operator = system.sign_in()
    with operator.screen() as screen:
        sent = wristband.press("fall", **fall("hard_fall"))
        alert = operator.alert_of(sent["event_id"])
        shown = screen.next_of(alert)
    assert shown["event_id"] == sent["event_id"]
    assert (shown["confidence"], alert["confidence"]) == (0.95, 0.95)
    detail = operator.get(f"/alerts/{alert['id']}")
    assert kinds(detail)[:2] == ["raised", "second_opinion"]
    [body] = opinions(detail)
    assert (body["event_id"], body["confidence"]) == (sent["event_id"], 0.95)
    assert 4 < body["peak_g"] < 8
    assert body["still_s"] > 3
    assert body["reasons"][0] == "contrast"

    closed = bring_to(operator, alert, "resolved")
    assert closed["confidence"] == 0.95
    assert opinions(operator.get(f"/alerts/{alert['id']}")) == [None], "what was felt is withheld with the rest"


@pytest.mark.parametrize("window", WINDOWS)
def test_whatever_it_says_the_fall_is_the_same_fall(system: System, wristband: Device, window: str) -> None:
    operator = system.sign_in()
    alert = operator.alert_of(wristband.press("fall", **fall(window))["event_id"])
    least, most = MEANT[window]
    assert least <= alert["confidence"] <= most
    assert (alert["severity"], alert["state"], alert["title"]) == ("orange", "triggered", "疑似跌倒")
    assert system.sql(_TIMERS, alert["id"]) == [("worsen", 30)]


def test_a_confident_fall_is_called_off_by_the_elder_all_the_same(system: System, wristband: Device) -> None:
    operator = system.sign_in()
    sent = wristband.press("fall", **fall("hard_fall"))
    wristband.press("cancel", cancels=sent["event_id"])
    wristband.receipt(sent["event_id"], "cancelled")
    assert operator.alert_of(sent["event_id"])["state"] == "cancelled"


def test_other_events_have_none(system: System, wristband: Device) -> None:
    operator = system.sign_in()
    alert = operator.alert_of(wristband.press("sos", **fall("hard_fall"))["event_id"])
    assert alert["confidence"] is None
    assert opinions(operator.get(f"/alerts/{alert['id']}")) == []


def test_hostile_windows_raise_and_lower_nothing(system: System, wristband: Device) -> None:
    """Every one of them is a fall: stored, raised or folded at once, and never an opinion that takes one away."""
    operator = system.sign_in()
    first = wristband.press("fall", **fall("fall_and_up_again"))
    alert = operator.alert_of(first["event_id"])
    before = alert["confidence"]
    assert before >= MEANT["fall_and_up_again"][0]
    sent = [event("fall", detail={"acceleration": window}) for window in HOSTILE.values()]
    for one in sent:
        wristband.send(json.dumps(one).encode())

    def folded(count: int) -> dict[str, Any]:
        told = "SELECT occurrences FROM alerts WHERE id = %s"
        until(lambda: system.sql(told, alert["id"]) == [(count,)], f"{count} falls in the alert", limit=30, every=0.05)
        found: dict[str, Any] = operator.get(f"/alerts/{alert['id']}")
        return found

    detail = folded(len(sent) + 1)
    assert detail["confidence"] == before
    assert {one["confidence"] for one in opinions(detail)[1:]} == {None}
    assert all(one["reason"] for one in opinions(detail)[1:])
    assert {one["event_id"] for one in sent} < {one["event_id"] for one in detail["events"]}
    assert system.sql("SELECT count(*) FROM event_queue WHERE device_id = %s", wristband.device_id) == [(0,)]

    wristband.press("fall", **fall("hard_fall"))
    wristband.press("fall", **fall("clapping"))
    assert folded(len(sent) + 3)["confidence"] == 0.95, "the greater of all"


@pytest.mark.parametrize("name", ["NaN", "much too long", "a number of a thousand digits", "words"])
def test_a_hostile_window_alone_is_raised_without_a_confidence(system: System, wristband: Device, name: str) -> None:
    operator = system.sign_in()
    one = event("fall", detail={"acceleration": HOSTILE[name]})
    wristband.send(json.dumps(one).encode())
    wristband.receipt(one["event_id"], "raised")
    alert = operator.alert_of(one["event_id"])
    assert (alert["confidence"], alert["severity"]) == (None, "orange")


async def test_a_second_attempt_goes_without(database_url: str, tmp_path: Path) -> None:
    """Should a second opinion ever fail, the event has an attempt behind it, and is raised all the same."""
    seeded = seed_database(database_url, tmp_path / "keys.json", elders=1)
    device = next(one["device_id"] for one in seeded.devices if one["kind"] == "wristband")
    payload = json.dumps(event("fall", **fall("hard_fall"))).encode()
    with psycopg.connect(database_url, autocommit=True) as connection:
        message = Message(f"anhu/v1/{device}/up/events", payload, datetime.now(UTC), Nobody(), 0, 0)
        EventLane(database_url).store(connection, [message])
        connection.execute("UPDATE event_queue SET attempts = 1")
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as worker:
            assert await take_in_next(worker) is True
        assert connection.execute("SELECT type, severity, confidence FROM alerts").fetchall() == [
            ("fall", "orange", None)
        ]
        [(body,)] = connection.execute("SELECT body FROM alert_timeline WHERE kind = 'second_opinion'").fetchall()
    assert body["confidence"] is None
    assert "earlier attempt" in body["reason"]
