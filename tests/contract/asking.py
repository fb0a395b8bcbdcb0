"""Questions that several contract tests put to the system, through the public contract."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.parts.system import Device, Person, System
from tests.parts.waiting import until


def soon(**before: float) -> str:
    """Now, or some time before it, as a device writes it."""
    return (datetime.now(UTC) - timedelta(**before)).isoformat(timespec="milliseconds")


def quarantined(person: Person, device_id: str, count: int = 1) -> list[dict[str, Any]]:
    """What is in quarantine of a device, oldest first, once there are `count` items of it."""

    def found() -> list[dict[str, Any]]:
        items = person.get("/quarantine", limit=500)["items"]
        of_device = [item for item in reversed(items) if item["device_id"] == device_id]
        return of_device if len(of_device) >= count else []

    return until(found, f"{count} items of {device_id} in quarantine", limit=15, every=0.05)


def readings(person: Person, device_id: str, count: int, **query: Any) -> list[dict[str, Any]]:
    """A device's readings, once there are `count` of them."""

    def found() -> list[dict[str, Any]]:
        items = person.get(f"/devices/{device_id}/readings", **query)["items"]
        return items if len(items) >= count else []

    return until(found, f"{count} readings of {device_id}", limit=15, every=0.05)


def event_of(detail: dict[str, Any], event_id: str) -> dict[str, Any]:
    """An alert's event, by its name."""
    return next(one for one in detail["events"] if one["event_id"] == event_id)


def kinds(detail: dict[str, Any]) -> list[str]:
    """What the timeline says, word by word."""
    return [entry["kind"] for entry in detail["timeline"]]


def raised(device: Device, person: Person, kind: str = "sos", **fields: Any) -> dict[str, Any]:
    """The alert of a fresh press."""
    return person.alert_of(device.press(kind, **fields)["event_id"])


def standing(person: Person, alert_id: str) -> dict[str, Any]:
    """An alert in full, to be compared with itself later: without what its device was told, which the broker takes a
    moment after the move."""
    found = person.get(f"/alerts/{alert_id}")
    return dict(found) | {"events": [one | {"told": None} for one in found["events"]]}


def bring_to(person: Person, alert: dict[str, Any], state: str) -> dict[str, Any]:
    """Moves a triggered alert on to `state` by the shortest way."""
    way: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
        "triggered": (),
        "acknowledged": (("acknowledge", {}),),
        "dispatched": (("acknowledge", {}), ("dispatch", {"responder": "李某（虚构）"})),
        "arrived": (("acknowledge", {}), ("dispatch", {"responder": "李某（虚构）"}), ("arrive", {})),
        "resolved": (("acknowledge", {}), ("resolve", {"outcome": "assisted"})),
        "followed_up": (("acknowledge", {}), ("resolve", {"outcome": "assisted"}), ("follow_up", {"note": "好"})),
    }
    for move, body in way[state]:
        answer = person.move(alert, move, **body)
        assert answer.status_code == 200, answer.text
        alert = answer.json()
    assert alert["state"] == state
    return dict(alert)


def make_older(system: System, alert: dict[str, Any], **age: float) -> None:
    """Moves an alert's last move back in time. Half an hour cannot be waited for, and the database's clock decides:
    so the row is told that the time has passed."""
    system.sql("UPDATE alerts SET last_move_at = last_move_at - %s WHERE id = %s", timedelta(**age), alert["id"])


def make_due(system: System, alert: dict[str, Any], kind: str) -> None:
    """Lets an alert's timer run out now instead of in a minute: the timer is a row that says when."""
    system.sql("UPDATE alert_timers SET due_at = now() WHERE alert_id = %s AND kind = %s", alert["id"], kind)


def close_code(receive: Callable[[], Any]) -> int:
    """Receives until the stream is closed; the code that the server gave, 1006 when it gave none."""
    while True:
        try:
            receive()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006
