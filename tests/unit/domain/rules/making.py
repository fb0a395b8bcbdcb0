"""Rules, people and samples to decide about: invented, and short to write."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.rules.model import Baseline, Direction, Limit, OwnLimit, Rule, Sample, Score, Subject

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
CITY, DISTRICT, STREET, STATION = (UUID(int=number) for number in (1, 2, 3, 4))
ELDER = UUID(int=77)

FAST = Limit("heart_rate", Direction.ABOVE, 120, 110)
SLOW = Limit("heart_rate", Direction.BELOW, 50, 53)
OWN_FAST = OwnLimit("heart_rate", Direction.ABOVE, 4, 2.5, 168, (60, 100))
OWN_SLOW = OwnLimit("heart_rate", Direction.BELOW, 4, 2.5, 168, (60, 100))
NEWS2_5 = Score(5)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def rule(condition: Any = FAST, **changes: Any) -> Rule:
    """Five minutes to raise, five to clear, five at most between two samples."""
    values: dict[str, Any] = {
        "id": UUID(int=500),
        "version": 1,
        "key": "heart_rate_high",
        "title": "心率过高",
        "severity": Severity.YELLOW,
        "condition": condition,
        "lasting": minutes(5),
        "clear_after": minutes(5),
        "gap": minutes(5),
    }
    return Rule(**values | changes)


def subject(**changes: Any) -> Subject:
    return Subject(**{"elder_id": ELDER, "organization_path": (CITY, DISTRICT, STREET, STATION)} | changes)


SOMEBODY = subject()


def usual(median: float, spread: float, hours: int = 300) -> Subject:
    return subject(baselines={"heart_rate": Baseline(median, spread, hours)})


def sample(minute: float, device_id: str = "wb-1", **values: float | bool) -> Sample:
    return Sample(at(minute), values, device_id)


def pulse(*rates: float, start: float = 0, every: float = 1) -> list[Sample]:
    """One heart rate a minute."""
    return [sample(start + index * every, heart_rate=rate) for index, rate in enumerate(rates)]
