"""What time does to an alert: who else is told, on whose screens it is too, when it asks for an answer again. Pure.

ARCHITECTURE.md has the table (`tests/unit/domain/test_escalation_table.py` compares). An alert waits for something: an
answer, somebody on the way, somebody there, its end (`Stage`). Each stage has steps, of the policy that was copied
when the alert was raised; a step is done when its timer fires, once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from alerts.domain.alert import Alert, Change, Entry, Rule, Severity, State, Tell, Timer, TimerKind
from alerts.domain.policy import CLIMB_AFTER, MOST_ROUNDS, Snapshot, Stage, Step, Steps, Who, stage_of

#: The word of a notice for each kind of people.
WHY: Final[Mapping[Who, str]] = {
    Who.OPERATORS: "tier",
    Who.DUTY: "duty",
    Who.NAMED: "named",
    Who.RESPONDERS: "responder",
    Who.CAREGIVERS: "caregiver",
    Who.TIER_ABOVE: "tier",
}


@dataclass(frozen=True, slots=True)
class Running:
    """An alert's policy, as it was copied, and where in it the alert is."""

    snapshot: Snapshot
    stage: Stage | None = None
    since: datetime | None = None
    #: how many stages there were, this one included: the same stage may come again
    epoch: int = 0
    #: the step that its timer is for, and how often it was done already
    step: int = 0
    round: int = 0
    #: when it goes on at the latest, as the raise said: no plan puts that off
    at_latest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """Who could be told now. Organisations on the way up; people by the id of their accounts."""

    #: those above that do not show the alert yet, the nearest first
    above: tuple[UUID, ...] = ()
    #: the one under the first of these, which shows it
    below: UUID | None = None
    home: UUID | None = None
    #: on shift in each organisation that has a roster
    on_shift: Mapping[UUID, Sequence[UUID]] = field(default_factory=dict)
    operators: Sequence[UUID] = ()
    caregivers: Sequence[UUID] = ()
    responders: Sequence[UUID] = ()
    #: names of those above and of the named people who may still be told
    names: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Presence:
    """Organisations whose screens nobody watches, or where nobody is on shift, for longer than a reconnect takes; with
    the reason."""

    unwatched: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """None: nothing is to be saved of the alert itself."""

    change: Change | None
    running: Running


def way_up(path: Sequence[UUID], routed: Collection[UUID]) -> tuple[UUID, ...]:
    """The organisations on the alert's way up, `path` being root first, that do not show it yet: the nearest first."""
    return tuple(one for one in reversed(path) if one not in routed)


def below(path: Sequence[UUID], above: Sequence[UUID]) -> UUID | None:
    """The organisation directly under the first that does not show the alert."""
    if not above:
        return None
    place = path.index(above[0]) + 1
    return path[place] if place < len(path) else None


def worsen(alert: Alert, rule: Rule | None, now: datetime) -> Change | None:
    """None when there is nothing left to do: somebody answered, or it is so already."""
    if alert.state is not State.TRIGGERED or rule is None or rule.then_severity in (None, alert.severity):
        return None
    assert rule.then_severity is not None
    worse = replace(alert, severity=rule.then_severity, title=rule.then_title or rule.title, version=alert.version + 1)
    red = worse.severity is Severity.RED
    # The plan is made at once, but apart; should that fail, a red alert climbs all the same.
    start = (Timer(TimerKind.ESCALATE, now + CLIMB_AFTER),) if red else ()
    return Change(worse, (Entry("worsened"),), start=start, replan=True)


def decide(alert: Alert, prompt: Timer, running: Running, duty: Duty, presence: Presence, now: datetime) -> Decision:
    """What is due. `prompt`: the timer that fired."""
    stage = stage_of(alert)
    doing = _Doing(alert, duty, now)
    if stage is None:
        return Decision(doing.change(None, stop=frozenset(TimerKind)), running)
    if prompt.kind is TimerKind.UNWATCHED:
        doing.add_for_absence(presence)
        return Decision(doing.change(None), running)
    fires = prompt.kind is TimerKind.ESCALATE
    if not fires or running.stage is not stage:
        # The alert was answered before its plan was made: whoever is told of every raise is told of this one too.
        if running.stage is None and stage is not Stage.UNANSWERED:
            running = doing.run(_begun(running, Stage.UNANSWERED, prompt.due_at), at_once=True)[0]
        unplanned = fires and running.stage is None
        running, due = doing.run(_begun(running, stage, alert.raised_at if unplanned else prompt.due_at))
        if unplanned and not doing.climbed:  # the raise said when it climbs at the latest
            running, due = doing.run(running, fires=True)
    else:
        running, due = doing.run(running, fires=True)
    while (following := stage_of(doing.alert)) is not running.stage and following is not None:
        running, due = doing.run(_begun(running, following, now))
    if due and running.at_latest and stage is Stage.UNANSWERED and not fires:
        due = min(due, running.at_latest)
    start = (Timer(TimerKind.ESCALATE, due),) if due else ()
    stop = {TimerKind.PLAN} if fires else set()
    return Decision(doing.change(start, stop=frozenset(stop if due else stop | {TimerKind.ESCALATE})), running)


def _begun(running: Running, stage: Stage, since: datetime) -> Running:
    return replace(running, stage=stage, since=since, epoch=running.epoch + 1, step=0, round=0)


class _Doing:
    """Steps of one decision, added up into one change."""

    def __init__(self, alert: Alert, duty: Duty, now: datetime) -> None:
        self.alert, self._duty, self._now = alert, duty, now
        self._above = list(duty.above)
        self._entries: list[Entry] = []
        self._tell: dict[tuple[UUID, str], Tell] = {}
        self._route: tuple[UUID, str] | None = None

    @property
    def climbed(self) -> bool:
        return self._route is not None

    def run(self, running: Running, *, fires: bool = False, at_once: bool = False) -> tuple[Running, datetime | None]:
        """Does what is due; where it is then, and when it goes on. `fires`: the next step is due whatever the clock
        says. `at_once`: only what is told at the begin."""
        assert running.stage is not None
        assert running.since is not None
        steps: Steps = running.snapshot.get(self.alert.severity, {}).get(running.stage, ())
        due = self._now if fires else None
        while running.step < len(steps):
            step = steps[running.step]
            due = due or running.since + step.after
            if due > self._now or (at_once and step.after) or (self._route is not None and _climbs(step)):
                # One organisation a commit: the next has its own minute, also after a time in which nobody worked.
                return running, max(due, self._now) if not at_once else None
            self._do(step, running)
            again = self._repeats(step, running)
            if step.every is not None and again:
                return replace(running, round=running.round + 1), self._now + step.every
            running = replace(running, step=running.step + 1, round=0)
            due = None
            if fires and running.step < len(steps):
                due = self._now + (steps[running.step].after - step.after)
            if self.alert.attention and running.stage is not Stage.ASKED_AGAIN and step.attention:
                break
        return running, None

    def _repeats(self, step: Step, running: Running) -> bool:
        if _climbs(step) and not self._above and set(step.who) == {Who.TIER_ABOVE}:
            return False  # the root has it
        return running.round + 1 < (step.times + 1 if step.times is not None else MOST_ROUNDS)

    def _do(self, step: Step, running: Running) -> None:
        place: dict[str, Any] = {
            "stage": str(running.stage),
            "step": running.step + 1,
            "round": running.round,
            "epoch": running.epoch,
        }
        told: dict[UUID, str] = {}
        for who in step.who:
            people: Sequence[UUID]
            match who:
                case Who.TIER_ABOVE:
                    people = self._add(place | {"why": str(running.stage)})
                case Who.DUTY:
                    people = self._on_shift(self._duty.home)
                case Who.OPERATORS:
                    people = self._duty.operators
                case Who.CAREGIVERS:
                    people = self._duty.caregivers
                case Who.RESPONDERS:
                    people = self._duty.responders
                case Who.NAMED:
                    people = [one for one in step.people if one in self._duty.names]
            for one in people:
                told.setdefault(one, WHY[who])
        nobody = Who.DUTY in step.who and self._duty.home in self._duty.on_shift and not self._on_shift(self._duty.home)
        self._notify(told, f"{running.epoch}.{running.step + 1}.{running.round}", place, nobody=nobody)
        if step.attention and self.alert.state is not State.TRIGGERED and not self.alert.attention:
            self.alert = replace(self.alert, attention=True)
            self._entries.append(Entry("quiet", body=place | {"after_seconds": int(step.after.total_seconds())}))

    def add_for_absence(self, presence: Presence) -> None:
        why = presence.unwatched.get(self._duty.below) if self._duty.below else None
        if why is not None and self._above:
            above = self._above[0]
            people = self._add({"why": why, "unwatched": str(self._duty.below)})
            told = dict.fromkeys(people, WHY[Who.TIER_ABOVE])
            self._notify(told, f"unwatched.{above}", {"why": why}, nobody=False)

    def _add(self, body: dict[str, Any]) -> Sequence[UUID]:
        """Puts the alert on the screens of the next above; who is on shift there."""
        if not self._above or self._route is not None:
            return ()
        above = self._above.pop(0)
        self._route = (above, "escalated")
        self._entries.append(Entry("escalated", body={"organization_id": str(above)} | body))
        return self._on_shift(above)

    def _on_shift(self, organization_id: UUID | None) -> Sequence[UUID]:
        return self._duty.on_shift.get(organization_id, ()) if organization_id else ()

    def _notify(self, told: Mapping[UUID, str], key: str, place: Mapping[str, Any], *, nobody: bool) -> None:
        for account_id, why in told.items():
            whole = f"{self.alert.id}/{key}"
            self._tell[account_id, whole] = Tell(account_id, whole, why)
        to = [{"id": str(one), "name": self._duty.names.get(one, ""), "why": why} for one, why in told.items()]
        if to or nobody:
            self._entries.append(
                Entry("notified", body={**place, "to": to} | ({"nobody_on_duty": True} if nobody else {}))
            )

    def change(self, start: tuple[Timer, ...] | None, stop: frozenset[TimerKind] = frozenset()) -> Change | None:
        """Its version goes up when screens have to show something else."""
        if start is None and not stop and not self._entries:
            return None
        shown = self._route is not None or any(one.kind == "quiet" for one in self._entries)
        alert = replace(self.alert, version=self.alert.version + 1) if shown else self.alert
        return Change(
            alert,
            tuple(self._entries),
            start=start or (),
            stop=stop,
            route=self._route,
            tell=tuple(self._tell.values()),
        )


def _climbs(step: Step) -> bool:
    return Who.TIER_ABOVE in step.who
