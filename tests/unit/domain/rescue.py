"""An alert among five tiers in simulated time: `at` so many seconds, `push` something, `want` what it led to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from alerts.domain.alert import Actor, Alert, Change, Rule, Severity, Timer, TimerKind
from alerts.domain.calendar import Calendar
from alerts.domain.escalation import Duty, Presence, Running, below, decide, way_up, worsen
from alerts.domain.intake import fold, raise_alert
from alerts.domain.policy import BUILT_IN, Policy, snapshot
from alerts.domain.transitions import Move, decide_move
from tests.unit.domain.making import ELDER, FALL, NOON, SOS, WANG, event, home

#: 小区养老服务点 → 社区 → 街道 → 区县 → 市
CITY, DISTRICT, STREET, STATION, POINT = PATH = tuple(UUID(int=number) for number in range(1, 6))
TIER = dict(zip(PATH, ("市", "区县", "街道", "社区", "小区"), strict=True))
DAUGHTER, ON_DUTY, ABOVE_ON_DUTY = UUID(int=201), UUID(int=202), UUID(int=203)
NAME = {DAUGHTER: "女儿", ON_DUTY: "值班员", ABOVE_ON_DUTY: "街道值班员", WANG.id: "王芳"}


@dataclass
class Rescue:
    """What a worker does with an alert, without a database: timers are a dictionary, saving is adding to a log."""

    policy: Policy = BUILT_IN
    on_shift: dict[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    unwatched: dict[UUID, str] = field(default_factory=dict)
    caregivers: Sequence[UUID] = (DAUGHTER,)
    now: datetime = NOON
    #: (seconds after the press, what)
    log: list[tuple[float, str]] = field(default_factory=list)
    routed: list[UUID] = field(default_factory=list)
    keys: list[tuple[UUID, str]] = field(default_factory=list)

    def press(self, rule: Rule = SOS) -> None:
        self.rule = rule
        at_point = replace(home(), organization_id=POINT)
        self.timers: dict[TimerKind, datetime] = {}
        change = raise_alert(event(rule.type), rule, at_point, UUID(int=99), self.now)
        self.alert: Alert = change.alert
        self.running = Running(snapshot(self.policy, Calendar(), self.now))
        self._save(change)

    def press_again(self) -> None:
        self._save(fold(self.alert, event(self.alert.type)))

    def move(self, move: Move, actor: Actor = WANG) -> None:
        change = decide_move(self.alert, move, actor, self.now)
        assert isinstance(change, Change), change
        self._save(change)
        self._note(change.alert.state.value)

    def nobody_watches(self, *organizations: UUID) -> None:
        """As alerts.station_watch does, which looks whose screens show it."""
        self.unwatched = dict.fromkeys(organizations, "no_screen")
        self.timers[TimerKind.UNWATCHED] = self.now

    def run_until(self, at: datetime) -> None:
        while self.timers and min(self.timers.values()) <= at:
            kind, due = min(self.timers.items(), key=lambda timer: (timer[1], timer[0]))
            self.now = max(due, self.now)
            del self.timers[kind]
            self._fire(Timer(kind, due))
        self.now = at

    def _fire(self, prompt: Timer) -> None:
        if prompt.kind is TimerKind.WORSEN:
            change = worsen(self.alert, self.rule, self.now)
        else:
            running = replace(self.running, at_latest=self.timers.get(TimerKind.ESCALATE))
            decision = decide(self.alert, prompt, running, self._duty(), Presence(self.unwatched), self.now)
            self.running, change = decision.running, decision.change
        if change is not None:
            self._save(change)

    def _duty(self) -> Duty:
        above = way_up(PATH, self.routed)
        return Duty(above, below(PATH, above), POINT, self.on_shift, caregivers=self.caregivers, names=NAME)

    def _save(self, change: Change) -> None:
        self.alert = change.alert
        for kind in change.stop:
            self.timers.pop(kind, None)
        starts = (*change.start, Timer(TimerKind.PLAN, self.now)) if change.replan else change.start
        self.timers |= {timer.kind: timer.due_at for timer in starts}
        if change.route is not None:
            self.routed.append(change.route[0])
            if change.route[1] != "home":
                self._note(TIER[change.route[0]])
        for told in change.tell:
            self.keys.append((told.account_id, told.key))
            self._note(f"{NAME[told.account_id]} {told.why}")
        for entry in change.entries:
            if entry.kind in ("quiet", "worsened"):
                self._note(entry.kind)
            if (entry.body or {}).get("nobody_on_duty"):
                self._note("无人当班")

    def _note(self, what: str) -> None:
        self.log.append(((self.now - NOON).total_seconds(), what))


#: (seconds after the press, what happens then if anything, what is wanted of the time since the row before)
Row = tuple[float, Callable[[Rescue], None] | None, Mapping[str, Sequence[float]] | None]


def play(rescue: Rescue, rows: Sequence[Row]) -> None:
    for at, push, want in rows:
        seen = len(rescue.log)
        rescue.run_until(NOON + timedelta(seconds=at))
        if push is not None:
            push(rescue)
        if want is not None:
            found: dict[str, list[float]] = {}
            for second, what in rescue.log[seen:]:
                found.setdefault(what, []).append(second)
            assert found == {what: list(seconds) for what, seconds in want.items()}, f"by {at:g} s"


__all__ = ["ELDER", "FALL", "PATH", "Rescue", "Severity", "play"]
