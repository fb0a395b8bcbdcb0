"""What an event does: raises, folds, cancels, asks for a service, or is only recorded. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from alerts.domain.alert import (
    Alert,
    Change,
    Entry,
    Person,
    Position,
    Rule,
    Severity,
    State,
    Timer,
    TimerKind,
    new_alert,
)
from alerts.domain.impact import Unread, second_opinion, window_of
from alerts.domain.policy import CLIMB_AFTER, asks_again

#: An event this long after an alert's last move is a new story.
FOLD_WINDOW = timedelta(minutes=30)
#: How long a cancel waits for the fall that it overtook. Not longer: a stale one must not hide a later fall.
CANCEL_WAITS = timedelta(minutes=10)
#: A device that stamps a message when it sends it may stamp the cancel it sends first a little before its fall.
CANCEL_BEFORE = timedelta(seconds=10)
#: A message that took less than this is on time.
LATE_FROM_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it was stored; `id` is its row."""

    id: int
    device_id: str
    device_kind: str | None
    event_id: str
    type: str
    occurred_at: datetime
    received_at: datetime
    clock_suspect: bool = False
    event_id_reused: bool = False
    cancels: str | None = None
    position: Position | None = None
    detail: dict[str, Any] | None = None
    drill: bool = False


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What the acceleration of a fall says, as the alert keeps it."""

    confidence: float | None
    entry: Entry

    @classmethod
    def missing(cls, event: Event, reason: str) -> Self:
        """There was acceleration, and nothing can be said of it: the timeline says why."""
        return cls(None, Entry("second_opinion", body=_body(event, None) | {"reason": reason}))


@dataclass(frozen=True, slots=True)
class Home:
    """Where an event belongs: its elder if known, its organisation always."""

    organization_id: UUID
    elder: Person | None = None
    place: str | None = None


def late_seconds(event: Event) -> int:
    late = int((event.received_at - event.occurred_at).total_seconds())
    return late if late >= LATE_FROM_SECONDS else 0


def look_again(event: Event) -> SecondLook | None:
    """A second opinion on a fall; None where the event brought nothing to have one on. It sets the confidence and
    writes it down: severity, timers and moves are decided without it."""
    window = window_of(event.detail) if event.type == "fall" else None
    match window:
        case None:
            return None
        case Unread(reason):
            return SecondLook.missing(event, reason)
    opinion = second_opinion(window)
    felt = {name: _rounded(value) for name, value in asdict(opinion.features).items()}
    body = _body(event, opinion.confidence) | {"points": opinion.points, "reasons": list(opinion.reasons)} | felt
    return SecondLook(opinion.confidence, Entry("second_opinion", body=body))


def fold_target(candidates: Sequence[Alert], event: Event, home: Home, now: datetime) -> Alert | None:
    """The unresolved alert of the same cause that the event belongs to, the newest if there are several."""
    same = [
        alert
        for alert in candidates
        if alert.unresolved
        and alert.type == event.type
        and alert.drill == event.drill
        and (alert.elder.id == home.elder.id if alert.elder and home.elder else alert.elder is home.elder)
        and (home.elder is not None or alert.device_id == event.device_id)
        and now - alert.last_move_at <= FOLD_WINDOW
    ]
    return max(same, key=lambda alert: alert.raised_at, default=None)


def raise_alert(
    event: Event, rule: Rule, home: Home, alert_id: UUID, now: datetime, look: SecondLook | None = None
) -> Change:
    """A new alert at the event's own organisation."""
    alert = new_alert(
        id=alert_id,
        type=event.type,
        severity=rule.severity,
        # In the title as well: whatever shows it says so, on every screen and in every text.
        title=f"{rule.title} · 演练" if event.drill else rule.title,
        elder=home.elder,
        device_id=event.device_id,
        device_kind=event.device_kind,
        place=home.place,
        organization_id=home.organization_id,
        event_id=event.event_id,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        now=now,
        late_seconds=late_seconds(event),
        clock_suspect=event.clock_suspect,
        event_id_reused=event.event_id_reused,
        position=event.position,
        drill=event.drill,
        confidence=look.confidence if look else None,
    )
    timers: tuple[Timer, ...] = ()
    if rule.then_seconds is not None:
        timers += (Timer(TimerKind.WORSEN, now + timedelta(seconds=rule.then_seconds)),)
    if rule.severity is Severity.RED:
        timers += (Timer(TimerKind.ESCALATE, now + CLIMB_AFTER),)
    route = (home.organization_id, "home")
    return Change(alert, (Entry("raised"), *_told(look)), start=timers, route=route, replan=True)


def fold(alert: Alert, event: Event, look: SecondLook | None = None) -> Change:
    """One more press: it sounds again, and asks for an answer again once it was answered. Of two opinions on a fall
    the one that makes it likelier counts."""
    confidences = [one for one in (alert.confidence, look.confidence if look else None) if one is not None]
    return Change(
        replace(
            alert,
            occurrences=alert.occurrences + 1,
            family_safe=False,
            attention=alert.attention or alert.state is not State.TRIGGERED,
            position=event.position or alert.position,
            confidence=max(confidences, default=None),
            version=alert.version + 1,
        ),
        (Entry("folded", body={"event_id": event.event_id}), *_told(look)),
        replan=asks_again(alert),
    )


def cancel(alert: Alert, rule: Rule | None, cancel_event: Event, all_cancelled: bool, now: datetime) -> Change:
    """The elder pressed cancel. `all_cancelled`: whether, with this one, every event of the alert is cancelled."""
    body = {"event_id": cancel_event.event_id, "cancels": cancel_event.cancels}
    # Only what has not yet become what it threatens to become can be called off: a fall in its first seconds.
    cancellable = rule is not None and rule.then_seconds is not None and alert.severity is rule.severity
    if alert.state is State.TRIGGERED and cancellable and all_cancelled:
        cancelled = replace(alert, state=State.CANCELLED, last_move_at=now, version=alert.version + 1)
        return Change(cancelled, (Entry("cancelled", body=body),), stop=frozenset(TimerKind))
    return Change(replace(alert, version=alert.version + 1), (Entry("cancel_pressed", body=body),))


def waiting_cancel_fits(cancel_event: Event, fall: Event) -> bool:
    """Whether a cancel that came first may be of this fall: it waited briefly, and did not happen well before it."""
    if fall.received_at - cancel_event.received_at > CANCEL_WAITS:
        return False
    if fall.clock_suspect or cancel_event.clock_suspect:
        return True
    return cancel_event.occurred_at >= fall.occurred_at - CANCEL_BEFORE


def _body(event: Event, confidence: float | None) -> dict[str, Any]:
    return {"event_id": event.event_id, "confidence": confidence}


def _told(look: SecondLook | None) -> tuple[Entry, ...]:
    return (look.entry,) if look else ()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
