"""排班试算: who would be called, and when, if an alert were raised at a moment and nobody did anything. Pure.

It is the same decision that a real alert takes, with a clock of its own: nothing is told to anybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.domain.alert import Person, Severity, State, Timer, TimerKind, new_alert
from alerts.domain.calendar import Calendar
from alerts.domain.duty import Roster, on_duty
from alerts.domain.escalation import Duty, Presence, Running, below, decide, way_up
from alerts.domain.policy import Snapshot, Stage, Who

#: Longer than any policy's last step and the way up after it.
LONGEST: Final = timedelta(hours=26)
_NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Town:
    """Who there is, as a rehearsal has to know it."""

    path: Sequence[UUID]
    rosters: Mapping[UUID, Roster]
    calendar: Calendar
    operators: Sequence[UUID] = ()
    caregivers: Sequence[UUID] = ()
    names: Mapping[UUID, str] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What one step would do."""

    after: timedelta
    stage: str
    who: tuple[Who, ...]
    #: on whose screens it is from then on
    organization_id: UUID | None
    people: tuple[Mapping[str, Any], ...]
    attention: bool
    nobody_on_duty: bool


def rehearse(snapshot: Snapshot, town: Town, severity: Severity, state: State, at: datetime) -> list[Call]:
    """`state`: what the alert has come to at that moment, as when somebody answered it."""
    alert = new_alert(
        id=_NOBODY,
        type="rehearsal",
        severity=severity,
        title="",
        elder=None,
        device_id="",
        device_kind=None,
        place=None,
        organization_id=town.path[-1],
        event_id="",
        occurred_at=at,
        received_at=at,
        now=at,
    )
    holder = None if state is State.TRIGGERED else Person(_NOBODY, "")
    alert = replace(alert, state=state, holder=holder)
    running, routed, calls = Running(snapshot), [town.path[-1]], []
    if state is not State.TRIGGERED:  # it was raised before, and whoever is told of that has been
        running = replace(running, stage=Stage.UNANSWERED, since=at)
    prompt: Timer | None = Timer(TimerKind.PLAN, at)
    while prompt is not None and prompt.due_at - at <= LONGEST:
        now = prompt.due_at
        decision = decide(alert, prompt, running, _duty(town, routed, now), Presence(), now)
        running, change, prompt = decision.running, decision.change, None
        if change is None:
            break
        alert = change.alert
        if change.route is not None:
            routed.append(change.route[0])
        calls += _calls(snapshot, severity, [entry.body or {} for entry in change.entries], now - at)
        prompt = next((timer for timer in change.start if timer.kind is TimerKind.ESCALATE), None)
    return calls


def _duty(town: Town, routed: Sequence[UUID], now: datetime) -> Duty:
    above = way_up(town.path, routed)
    on_shift = {one: on_duty(roster, town.calendar, now) for one, roster in town.rosters.items() if roster}
    return Duty(
        above=above,
        below=below(town.path, above),
        home=town.path[-1],
        on_shift=on_shift,
        operators=town.operators,
        caregivers=town.caregivers,
        names=town.names or {},
    )


def _calls(snapshot: Snapshot, severity: Severity, bodies: Sequence[Mapping[str, Any]], after: timedelta) -> list[Call]:
    """A step's lines of the timeline, put together again."""
    found: dict[tuple[Any, ...], Call] = {}
    for body in bodies:
        key = (body["epoch"], body["step"], body["round"])
        stages = snapshot[severity]
        step = next(steps for stage, steps in stages.items() if stage.value == body["stage"])[body["step"] - 1]
        call = found.get(key) or Call(after, body["stage"], step.who, None, (), step.attention, False)
        if "organization_id" in body:
            call = replace(call, organization_id=UUID(body["organization_id"]))
        if "to" in body:
            call = replace(call, people=tuple(body["to"]), nobody_on_duty=bool(body.get("nobody_on_duty")))
        found[key] = call
    return list(found.values())
