"""Values to decide about: invented, and short to write."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from alerts.domain.alert import Actor, Alert, Person, Rule, Severity, State
from alerts.domain.intake import Event, Home

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
STATION, STREET, DISTRICT, CITY = (UUID(int=number) for number in (4, 3, 2, 1))
ELDER = Person(UUID(int=77), "某老人（虚构）")
WANG = Actor(UUID(int=11), "王芳", "10.0.0.1")
LI = Actor(UUID(int=12), "李强", "10.0.0.2")

SOS = Rule("sos", Severity.RED, "紧急救援 · 本人呼救")
FALL = Rule("fall", Severity.ORANGE, "疑似跌倒", 30, Severity.RED, "紧急救援 · 跌倒未取消")


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def alert(state: str = "triggered", **changes: Any) -> Alert:
    values: dict[str, Any] = {
        "id": UUID(int=99),
        "type": "sos",
        "severity": Severity.RED,
        "title": SOS.title,
        "state": State(state),
        "attention": False,
        "elder": ELDER,
        "device_id": "wb-1",
        "device_kind": "wristband",
        "place": "某街 1 号",
        "organization_id": STATION,
        "event_id": "e1",
        "occurred_at": NOON,
        "received_at": NOON,
        "raised_at": NOON,
        "last_move_at": NOON,
        "late_seconds": 0,
        "clock_suspect": False,
        "event_id_reused": False,
        "position": None,
        "drill": False,
        "occurrences": 1,
        "confidence": None,
        "holder": None if state in ("triggered", "cancelled") else Person(WANG.id, WANG.name),
        "outcome": None,
        "seen_at": None,
        "version": 1,
    }
    return Alert(**values | changes)


def event(kind: str = "sos", **changes: Any) -> Event:
    values: dict[str, Any] = {
        "id": 1,
        "device_id": "wb-1",
        "device_kind": "wristband",
        "event_id": "e2",
        "type": kind,
        "occurred_at": NOON,
        "received_at": NOON,
    }
    return Event(**values | changes)


def home(elder: Person | None = ELDER) -> Home:
    return Home(STATION, elder, "某街 1 号")
