"""What an alert is. Pure values; times are UTC and passed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import Any
from uuid import UUID


class Severity(StrEnum):
    """China's four warning colours, worst first."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    BLUE = "blue"


class State(StrEnum):
    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    RESOLVED = "resolved"
    FOLLOWED_UP = "followed_up"
    CANCELLED = "cancelled"


#: Somebody may still be in need: location and health are open to those who answer.
UNRESOLVED = frozenset({State.TRIGGERED, State.ACKNOWLEDGED, State.DISPATCHED, State.ARRIVED})


class Stage(StrEnum):
    """What a device is told of its event, in this order."""

    STORED = "stored"
    RAISED = "raised"
    SEEN = "seen"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"


class TimerKind(StrEnum):
    WORSEN = "worsen"  # a fall that nobody cancelled
    PLAN = "plan"  # what it waits for is another thing now: who is told at once, and when what is next
    ESCALATE = "escalate"  # the next step, since what it waits for has not come
    UNWATCHED = "unwatched"  # nobody watches where it is shown


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84 degrees; accuracy in metres. One that is no number says nothing: JSON has none, and no alert may fail for
    it."""

    lat: float
    lon: float
    accuracy: float | None = None

    def __post_init__(self) -> None:
        if self.accuracy is not None and not isfinite(self.accuracy):
            object.__setattr__(self, "accuracy", None)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table type → severity; `then_*` is what it becomes when nobody cancels or answers in time."""

    type: str
    severity: Severity
    title: str
    then_seconds: int | None = None
    then_severity: Severity | None = None
    then_title: str | None = None


@dataclass(frozen=True, slots=True)
class RaisedBy:
    """The version of a rule on readings that raised an alert, and the very values that did: health data."""

    rule_id: UUID
    version: int
    sentence: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    id: UUID
    type: str
    severity: Severity
    title: str
    state: State
    attention: bool
    elder: Person | None
    device_id: str
    device_kind: str | None
    place: str | None
    organization_id: UUID
    event_id: str
    occurred_at: datetime
    received_at: datetime
    raised_at: datetime
    last_move_at: datetime
    late_seconds: int
    clock_suspect: bool
    event_id_reused: bool
    position: Position | None
    drill: bool
    occurrences: int
    confidence: float | None
    holder: Person | None
    outcome: str | None
    seen_at: datetime | None
    version: int
    #: None: an event raised it
    raised_by: RaisedBy | None = None
    #: what is known of an outage; None of what an event or a rule raised
    detail: Mapping[str, Any] | None = None
    #: family say that the elder is safe, and nobody has pressed since
    family_safe: bool = False
    #: people beside the screens whom nothing reached, though they have a channel
    unreached: int = 0

    @property
    def unresolved(self) -> bool:
        return self.state in UNRESOLVED

    @property
    def stage(self) -> Stage:
        """The furthest that can be said to the device."""
        match self.state:
            case State.TRIGGERED:
                return Stage.SEEN if self.seen_at else Stage.RAISED
            case State.RESOLVED | State.FOLLOWED_UP:
                return Stage.RESOLVED
            case state:
                return Stage(state.value)


def new_alert(
    *,
    id: UUID,
    type: str,
    severity: Severity,
    title: str,
    elder: Person | None,
    device_id: str,
    device_kind: str | None,
    place: str | None,
    organization_id: UUID,
    event_id: str,
    occurred_at: datetime,
    received_at: datetime,
    now: datetime,
    late_seconds: int = 0,
    clock_suspect: bool = False,
    event_id_reused: bool = False,
    position: Position | None = None,
    drill: bool = False,
    confidence: float | None = None,
    raised_by: RaisedBy | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Alert:
    """An alert as it is raised: by an event, by a rule on readings, or by what is noted of devices."""
    return Alert(
        id=id,
        type=type,
        severity=severity,
        title=title,
        state=State.TRIGGERED,
        attention=False,
        elder=elder,
        device_id=device_id,
        device_kind=device_kind,
        place=place,
        organization_id=organization_id,
        event_id=event_id,
        occurred_at=occurred_at,
        received_at=received_at,
        raised_at=now,
        last_move_at=now,
        late_seconds=late_seconds,
        clock_suspect=clock_suspect,
        event_id_reused=event_id_reused,
        position=position,
        drill=drill,
        occurrences=1,
        confidence=confidence,
        holder=None,
        outcome=None,
        seen_at=None,
        version=1,
        raised_by=raised_by,
        detail=detail,
    )


@dataclass(frozen=True, slots=True)
class Actor:
    """Who moves an alert, and from where (the network address of the request)."""

    id: UUID
    name: str
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline."""

    kind: str
    actor: Actor | None = None
    note: str | None = None
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Timer:
    kind: TimerKind
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Tell:
    """A person who is to be told of the change, by whatever channels they have.

    `key` makes a repeat a repeat: under one key nobody is told twice, of whatever alert. `why` is what made them one
    to tell: caregiver, duty, named, tier, responder, ….
    """

    account_id: UUID
    key: str
    why: str
    #: of an update: what is new (alerts/domain/message.py)
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A decision: the alert as it leaves it, and all that is to be saved and told in the same commit."""

    alert: Alert
    entries: tuple[Entry, ...]
    start: tuple[Timer, ...] = ()
    stop: frozenset[TimerKind] = frozenset()
    #: an organisation whose screens show it from now on
    route: tuple[UUID, str] | None = None
    #: organisations below on whose screens it is too
    shared: tuple[UUID, ...] = ()
    #: who is on the way, for the receipt
    responder: str | None = None
    #: people beside the screens
    tell: tuple[Tell, ...] = ()
    #: what the alert waits for is another thing from now on: who is told of that is planned at once (TimerKind.PLAN)
    replan: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing changes; `detail` tells the operator why, in Chinese."""

    detail: str
    #: of the alert that refused, which may have moved since the person last saw it
    state: State
    holder: Person | None = None
