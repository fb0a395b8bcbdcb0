"""Whether somebody watches an organisation's screens, and what follows when nobody does. Pure.

Only who is expected is missed: an organisation where somebody watched for a while, one that has a roster, or one whose
policy says so. Where there was never anybody, an alert climbs as the contract says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from alerts.domain.conditions import Noted
from alerts.domain.policy import Watch

UNWATCHED: Final = "station.unwatched"
#: A screen answers a heartbeat each 10 s: one answer may be lost.
ALIVE_FOR: Final = timedelta(seconds=25)
#: A reconnect is not an absence.
ABSENT_AFTER: Final = timedelta(seconds=20)
#: Somebody who looks in for a minute is no watch: who watched for so long without a break is missed afterwards.
#: Anhu's own choice.
EXPECTED_AFTER: Final = timedelta(minutes=30)


class Why(StrEnum):
    NO_SCREEN = "no_screen"
    NOBODY_ON_DUTY = "nobody_on_duty"


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of an organisation. Both times None: nobody was ever there."""

    organization_id: UUID
    expected: bool = False
    watched_since: datetime | None = None
    unwatched_since: datetime | None = None
    why: Why | None = None
    #: its alert, while that lasts
    alert_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Now:
    """What a look found. `on_duty`: how many are on shift; None where there is no roster."""

    screens: int
    on_duty: int | None
    watch: Watch = Watch.EXPECTED


def look(known: Watched, found: Now, at: datetime) -> Watched:
    """What is known after a look."""
    if found.watch is Watch.NEVER:
        return Watched(known.organization_id, alert_id=known.alert_id)
    long = known.watched_since is not None and found.screens > 0 and at - known.watched_since >= EXPECTED_AFTER
    expected = known.expected or long or found.on_duty is not None or found.watch is Watch.ALWAYS
    watched_since = (known.watched_since or at) if found.screens else None
    why = None
    if not found.screens:
        why = Why.NO_SCREEN
    elif found.on_duty == 0:
        why = Why.NOBODY_ON_DUTY
    if why is None or (why is Why.NO_SCREEN and not expected):
        return replace(known, expected=expected, watched_since=watched_since, unwatched_since=None, why=None)
    return replace(
        known,
        expected=expected,
        watched_since=watched_since,
        unwatched_since=known.unwatched_since or at,
        why=why,
    )


def absent(known: Watched, at: datetime) -> bool:
    """Whether it lasts."""
    return known.expected and known.unwatched_since is not None and at - known.unwatched_since >= ABSENT_AFTER


def note(known: Watched, name: str, path: Sequence[UUID], address: str | None, noted_id: UUID, at: datetime) -> Noted:
    """The alert of an unwatched station, at the organisation above it; at the root its own."""
    assert known.unwatched_since is not None
    detail: Mapping[str, Any] = {
        "area": name,
        "station_id": str(known.organization_id),
        "why": str(known.why),
        "since": known.unwatched_since.isoformat(),
        "restored_at": None,
    }
    at_home = path[-2] if len(path) > 1 else path[-1]
    return Noted(
        noted_id,
        UNWATCHED,
        f"station-{known.organization_id}",
        None,
        None,
        at_home,
        address or name,
        known.unwatched_since,
        at,
        detail,
    )
