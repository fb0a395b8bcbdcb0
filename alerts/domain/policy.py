"""Escalation policies: who is called and after how long, as data. Pure.

A policy is an organisation's, and holds below it until a nearer one does. What it says nothing of is as the built-in
policy has it, which is the table in ARCHITECTURE.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerts.domain.alert import Alert, Severity, State
from alerts.domain.calendar import Calendar, DayKind, in_beijing, within

#: Contract, "Unanswered": a red alert that nobody acknowledges climbs each time this passes. No policy may be slower.
CLIMB_AFTER: Final = timedelta(seconds=60)
#: A repeat without an end of its own ends after so many.
MOST_ROUNDS: Final = 100


class Stage(StrEnum):
    """What an alert waits for."""

    UNANSWERED = "unanswered"
    ASKED_AGAIN = "asked_again"  # somebody has it, and it asks for an answer again
    UNDISPATCHED = "undispatched"
    UNARRIVED = "unarrived"
    UNCLOSED = "unclosed"


class Who(StrEnum):
    OPERATORS = "operators"  # who sits at the organisation's screens, by their own channels too
    DUTY = "duty"  # whoever is on shift there
    NAMED = "named"
    RESPONDERS = "responders"  # the nearest who are able
    CAREGIVERS = "caregivers"
    TIER_ABOVE = "tier_above"  # its screens, and whoever is on shift there


class Watch(StrEnum):
    """Whether somebody is expected at an organisation's screens."""

    EXPECTED = "expected"  # once somebody watched there, or when there is a roster
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Step:
    """`after` the stage began."""

    after: timedelta
    who: tuple[Who, ...] = ()
    people: tuple[UUID, ...] = ()
    #: it asks for an answer again: sounds, and anybody may take it
    attention: bool = False
    every: timedelta | None = None
    #: how often `every` repeats it; None: without end, which for the tier above is the root
    times: int | None = None


Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done about alerts of these severities, on these days, in these hours. A stage that is not named is as
    the built-in policy has it."""

    severities: frozenset[Severity]
    stages: Mapping[Stage, Steps]
    days: frozenset[DayKind] = frozenset(DayKind)
    begins: time = time(0)
    ends: time = time(0)

    def fits(self, severity: Severity, day: DayKind, clock: time) -> bool:
        return severity in self.severities and day in self.days and within(clock, self.begins, self.ends)


@dataclass(frozen=True, slots=True)
class PresenceCheck:
    """在岗确认: a screen asks now and then whether somebody is there."""

    every: timedelta
    answer_within: timedelta
    begins: time = time(0)
    ends: time = time(0)

    def holds(self, at: datetime) -> bool:
        return within(in_beijing(at).time(), self.begins, self.ends)


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    plans: tuple[Plan, ...]
    watch: Watch = Watch.EXPECTED
    check: PresenceCheck | None = None


#: What holds of an alert, by severity: what it was when the alert was raised.
Snapshot = Mapping[Severity, Mapping[Stage, Steps]]

_SECOND: Final = timedelta(seconds=1)
_CLIMB: Final = Step(CLIMB_AFTER, (Who.TIER_ABOVE,), every=CLIMB_AFTER)
_TELL: Final = Step(0 * _SECOND, (Who.CAREGIVERS, Who.DUTY))
_ASK: Final = (Who.DUTY,)

BUILT_IN: Final = Policy(
    "内置",
    (
        Plan(
            frozenset({Severity.RED}),
            {
                Stage.UNANSWERED: (_TELL, _CLIMB),
                Stage.ASKED_AGAIN: (Step(0 * _SECOND, _ASK), _CLIMB),
                # domain.md, targets: dispatched within 3 min, arrived within 15.
                Stage.UNDISPATCHED: (Step(180 * _SECOND, (), attention=True),),
                Stage.UNARRIVED: (Step(900 * _SECOND, (), attention=True),),
                # Anhu's own choice: an hour at somebody's side without a word is longer than any rescue we know.
                Stage.UNCLOSED: (Step(3600 * _SECOND, (), attention=True),),
            },
        ),
        Plan(
            frozenset({Severity.ORANGE}),
            {
                Stage.UNANSWERED: (_TELL, Step(60 * _SECOND, _ASK), Step(180 * _SECOND, _ASK)),
                Stage.ASKED_AGAIN: (Step(0 * _SECOND, _ASK),),
                Stage.UNDISPATCHED: (Step(1800 * _SECOND, (), attention=True),),
                Stage.UNARRIVED: (Step(1800 * _SECOND, (), attention=True),),
                Stage.UNCLOSED: (Step(3600 * _SECOND, (), attention=True),),
            },
        ),
    ),
)


def stage_of(alert: Alert) -> Stage | None:
    """None: nothing more is waited for."""
    if not alert.unresolved:
        return None
    match alert.state:
        case State.TRIGGERED:
            return Stage.UNANSWERED
        case _ if alert.attention:
            return Stage.ASKED_AGAIN
        case State.ACKNOWLEDGED:
            return Stage.UNDISPATCHED
        case State.DISPATCHED:
            return Stage.UNARRIVED
        case _:
            return Stage.UNCLOSED


def asks_again(alert: Alert) -> bool:
    """Whether another press makes an alert that somebody has already wait for an answer again."""
    return alert.unresolved and alert.state is not State.TRIGGERED and not alert.attention


def snapshot(policy: Policy, calendar: Calendar, at: datetime) -> Snapshot:
    """What the policy says of an alert that is raised at a moment, of whatever severity it is or will be. The first
    plan that fits wins."""
    moment = in_beijing(at)
    day = calendar.day(moment.date()).kind
    found: dict[Severity, dict[Stage, Steps]] = {}
    for severity in Severity:
        stages: dict[Stage, Steps] = {}
        for plans in (BUILT_IN.plans, policy.plans):
            fitting = next((one for one in plans if one.fits(severity, day, moment.time())), None)
            stages |= fitting.stages if fitting else {}
        found[severity] = stages
    return found
