"""What an elder is to take at one moment, and what happens until it is taken: docs/medication.md's table in code. Pure.

The family is told first: it is near, and most of what is missed is taken after a call. Only then is it the station's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, assert_never
from uuid import UUID

from alerts.domain.alert import Alert, Change, Entry, Person, Rule, State, Tell, TimerKind, new_alert
from alerts.domain.conditions import restore

MISSED: Final = "medication.missed"
DEFAULT_GRACE_MINUTES: Final = 30
#: How long the family has before the station hears of it.
FAMILY_FIRST: Final = timedelta(minutes=15)
#: Somebody who takes it before breakfast has taken it.
EARLY: Final = timedelta(minutes=60)
MOST_REMINDERS: Final = 2


class DoseState(StrEnum):
    DUE = "due"
    REMINDED = "reminded"
    MISSED = "missed"  # the family knows
    TOLD = "told"  # the station knows
    TAKEN = "taken"
    ENDED = "ended"  # nobody took it; its alert is a person's to close


class Act(StrEnum):
    REMIND = "remind"
    MISS = "miss"  # yellow: to the family, or to the station where there is none
    TELL_STATION = "tell_station"
    TAKE = "take"


@dataclass(frozen=True, slots=True)
class Dose:
    """`family`: whether anybody who cares for the elder is told of alerts."""

    state: DoseState
    due_at: datetime
    missed_at: datetime
    reminders: int
    taken_at: datetime | None = None
    family: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """What is to be done now, how it stands then, and when it is looked at again."""

    act: Act | None
    state: DoseState
    at: datetime | None


def next_of(dose: Dose, now: datetime) -> Next:
    """What follows at `now`: at most one act."""
    if dose.taken_at is not None and dose.state is not DoseState.TAKEN:
        return Next(Act.TAKE, DoseState.TAKEN, None)
    match dose.state:
        case DoseState.DUE | DoseState.REMINDED:
            if now >= dose.missed_at:
                if dose.family:
                    return Next(Act.MISS, DoseState.MISSED, now + FAMILY_FIRST)
                return Next(Act.MISS, DoseState.TOLD, _end_of(dose))
            if now >= _reminder_at(dose, dose.reminders) and dose.reminders < MOST_REMINDERS:
                return Next(Act.REMIND, DoseState.REMINDED, _after_reminder(dose, dose.reminders + 1))
            return Next(None, dose.state, _after_reminder(dose, dose.reminders))
        case DoseState.MISSED:
            return Next(Act.TELL_STATION, DoseState.TOLD, _end_of(dose))
        case DoseState.TOLD:
            return Next(None, DoseState.ENDED, None)
        case DoseState.TAKEN | DoseState.ENDED:
            return Next(None, dose.state, None)
        case _:
            assert_never(dose.state)


def _reminder_at(dose: Dose, number: int) -> datetime:
    """The first when it is due, the second in the middle of the time there is."""
    return dose.due_at if number == 0 else dose.due_at + (dose.missed_at - dose.due_at) / 2


def _after_reminder(dose: Dose, made: int) -> datetime:
    return _reminder_at(dose, made) if made < MOST_REMINDERS else dose.missed_at


def _end_of(dose: Dose) -> datetime:
    """So long a `medication_taken` is still of this dose."""
    return dose.missed_at + timedelta(hours=4)


def words_of(items: Sequence[Mapping[str, str]]) -> str:
    """What the device says or shows."""
    return "请服药：" + "，".join(f"{one['medicine']} {one['dose']}" for one in items)


@dataclass(frozen=True, slots=True)
class Whose:
    """A dose in the words of an alert. `family`: whom the elder lets be told."""

    elder: Person
    organization_id: UUID
    place: str | None
    dose_id: UUID
    due_at: datetime
    family: Sequence[UUID]

    @property
    def detail(self) -> dict[str, Any]:
        return {"due_at": self.due_at.isoformat(), "family": bool(self.family), "restored_at": None}

    @property
    def tell(self) -> tuple[Tell, ...]:
        return tuple(Tell(one, f"missed {self.dose_id}", "caregiver") for one in self.family)


def taken_dose(doses: Sequence[tuple[UUID, datetime]], at: datetime, named: UUID | None) -> UUID | None:
    """Which dose (id, due_at) a `medication_taken` is of: the one that it names, else the nearest that it can be."""
    for dose_id, _ in doses:
        if dose_id == named:
            return dose_id
    near = [(abs(at - due_at), dose_id) for dose_id, due_at in doses if at >= due_at - EARLY]
    return min(near)[1] if near else None


def raise_missed(whose: Whose, rule: Rule, alert_id: UUID, now: datetime) -> Change:
    """To the family without the station's screens; without a family to those at once. Never red, never late: it was
    waited for. What is taken is not named: that is told to whoever opens the elder's medicines."""
    alert = new_alert(
        id=alert_id,
        type=MISSED,
        severity=rule.severity,
        title=rule.title,
        elder=whose.elder,
        device_id=f"medication-{whose.elder.id}",
        device_kind=None,
        place=whose.place,
        organization_id=whose.organization_id,
        event_id=f"medication-{whose.dose_id}",
        occurred_at=whose.due_at,
        received_at=now,
        now=now,
        detail=whose.detail,
    )
    route = None if whose.family else (whose.organization_id, "home")
    return Change(alert, (Entry("raised"),), route=route, tell=whose.tell, replan=not whose.family)


def fold_missed(alert: Alert, whose: Whose) -> Change:
    """One more is missed while the one before is open: one alert an elder. The family is told of each."""
    folded = replace(
        alert,
        occurrences=alert.occurrences + 1,
        attention=alert.attention or alert.state is not State.TRIGGERED,
        detail=whose.detail,
        version=alert.version + 1,
    )
    entry = Entry("folded", body={"event_id": f"medication-{whose.dose_id}"})
    route = None if whose.family else (whose.organization_id, "home")
    return Change(folded, (entry,), route=route, tell=whose.tell)


def tell_station(alert: Alert) -> Change:
    """The family had its time."""
    told = replace(alert, version=alert.version + 1)
    return Change(told, (Entry("to_station"),), route=(alert.organization_id, "home"), replan=True)


def take(alert: Alert, at: datetime, now: datetime, *, others: int) -> Change:
    """Taken after all: over, where nobody has answered yet and no other dose of it is open; else a person's to close,
    and said."""
    if others:
        taken = Entry("recovered", body={"at": at.isoformat(), "others": others})
        return Change(replace(alert, version=alert.version + 1), (taken,))
    over = restore(alert, at)
    if alert.state is not State.TRIGGERED:
        return over
    cancelled = replace(over.alert, state=State.CANCELLED, last_move_at=now)
    return Change(cancelled, (*over.entries, Entry("cancelled")), stop=frozenset(TimerKind))
