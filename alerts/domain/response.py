"""How well the response was, against its targets: figures of one organisation and period. Pure.

A *rescue* is an alert that is or became red. Its clock starts when it was red: at the raise, or when a fall that nobody
cancelled turned. A measure counts only alerts that can be judged: those that were answered, and those whose time is
over; one that was raised a moment ago is neither. docs/reports.md says the same for those who read the figures.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import ceil
from statistics import median
from typing import Any, Final, NamedTuple

UNRESOLVED: Final = frozenset({"triggered", "acknowledged", "dispatched", "arrived"})
#: A drill's alert that was closed so was none: it is counted with the real ones.
NEEDED: Final = frozenset({"assisted", "hospital"})
SEVERITIES: Final = ("red", "orange", "yellow", "blue")
#: Nobody answered a rescue in so many seconds: it is told as unanswered.
UNANSWERED_SECONDS: Final = 180
#: China has one time zone, and no summer time: days are Beijing's.
BEIJING: Final = timedelta(hours=8)
_DAY: Final = 86400


class Case(NamedTuple):  # a tuple: made fifty thousand times for one report
    """An alert, and when each thing was first done. Times are seconds since 1970; None is not, or not yet."""

    group: int  # the organisation below the report's own that it belongs to, by place in a list
    type: str
    severity: str
    drill: bool
    state: str
    outcome: str | None
    raised: float
    worsened: float | None
    acknowledged: float | None
    dispatched: float | None
    arrived: float | None
    escalated: bool


@dataclass(frozen=True, slots=True)
class Target:
    """What a share is held against, and who says so (domain.md)."""

    key: str
    name: str
    seconds: int
    share: float
    source: str


_LINE_120: Final = "重庆市医疗卫生服务体系“十四五”规划：120 急救电话"
_TSA: Final = "英国 TSA 远程照护标准（TSA telecare standard）"
ANSWER: Final = (
    Target("answer_10", "10 秒内接警", 10, 0.95, _LINE_120),
    Target("answer_60", "60 秒内接警", 60, 0.975, _TSA),
    Target("answer_180", "180 秒内接警", 180, 0.99, _TSA),
)
DISPATCH: Final = Target("dispatch_180", "3 分钟内派员", 180, 0.95, _LINE_120)
ARRIVAL: Final = Target("arrival_900", "15 分钟内到场", 900, 0.90, "一刻钟养老服务圈（渝规 4.3）")


@dataclass(slots=True)
class _Section:
    """Counts up one kind of alerts: real ones, drills, a day's, a station's."""

    now: float
    alerts: int = 0
    rescues: int = 0
    cancelled: int = 0
    escalated: int = 0
    unanswered: int = 0
    closed_without_dispatch: int = 0
    by_severity: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SEVERITIES, 0))
    judged: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    met: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    answers: list[float] = field(default_factory=list)
    dispatches: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)

    def add(self, case: Case) -> None:
        self.alerts += 1
        self.by_severity[case.severity] += 1
        self.escalated += case.escalated
        if case.state == "cancelled":
            self.cancelled += 1
        if case.severity == "red":
            self._add_rescue(case)

    def _add_rescue(self, case: Case) -> None:
        self.rescues += 1
        start = case.raised if case.worsened is None else case.worsened
        waited = self.now - start
        self._answered(case, start, waited)
        self._dispatched(case, start, waited)
        self._arrived(case, start, waited)

    def _answered(self, case: Case, start: float, waited: float) -> None:
        if case.acknowledged is not None:
            answer = max(case.acknowledged - start, 0.0)  # who answered before it was red was there at once
            self.answers.append(answer)
            for target in ANSWER:
                self._judge(target, answer)
            return
        for target in ANSWER:
            if waited >= target.seconds:
                self._judge(target, None)
        self.unanswered += waited >= UNANSWERED_SECONDS

    def _dispatched(self, case: Case, start: float, waited: float) -> None:
        if case.dispatched is not None:
            dispatch = max(case.dispatched - start, 0.0)
            self.dispatches.append(dispatch)
            self._judge(DISPATCH, dispatch)
        elif case.state in UNRESOLVED:
            if waited >= DISPATCH.seconds:
                self._judge(DISPATCH, None)
        elif case.outcome == "hospital":
            self._judge(DISPATCH, None)
        else:
            self.closed_without_dispatch += 1

    def _arrived(self, case: Case, start: float, waited: float) -> None:
        if case.arrived is not None:
            arrival = max(case.arrived - start, 0.0)
            self.arrivals.append(arrival)
            self._judge(ARRIVAL, arrival)
        elif case.state in UNRESOLVED:
            if waited >= ARRIVAL.seconds:
                self._judge(ARRIVAL, None)
        elif case.dispatched is not None and case.outcome in NEEDED:
            self._judge(ARRIVAL, None)

    def _judge(self, target: Target, seconds: float | None) -> None:
        self.judged[target.key] += 1
        self.met[target.key] += seconds is not None and seconds <= target.seconds

    def share(self, target: Target) -> float | None:
        judged = self.judged[target.key]
        return round(self.met[target.key] / judged, 4) if judged else None

    def told(self) -> dict[str, Any]:
        return {
            "alerts": self.alerts,
            "rescues": self.rescues,
            "by_severity": dict(self.by_severity),
            "cancelled": self.cancelled,
            "escalated": self.escalated,
            "unanswered": self.unanswered,
            "closed_without_dispatch": self.closed_without_dispatch,
            "measures": [self._measure(target) for target in (*ANSWER, DISPATCH, ARRIVAL)],
            "times": {
                "answer": _times(self.answers),
                "dispatch": _times(self.dispatches),
                "arrival": _times(self.arrivals),
            },
        }

    def _measure(self, target: Target) -> dict[str, Any]:
        judged = self.judged[target.key]
        return {
            "key": target.key,
            "name": target.name,
            "seconds": target.seconds,
            "judged": judged,
            "met": self.met[target.key],
            "share": self.share(target),
            "target": target.share,
            # By the counts: a share that is rounded could pass what the counts do not.
            "reached": self.met[target.key] >= target.share * judged - 1e-9 if judged else None,
            "source": target.source,
        }

    def short(self) -> dict[str, Any]:
        """For a line of a table, or a bar."""
        return {
            "alerts": self.alerts,
            "rescues": self.rescues,
            "by_severity": dict(self.by_severity),
            "unanswered": self.unanswered,
            "shares": {target.key: self.share(target) for target in (*ANSWER, DISPATCH, ARRIVAL)},
            "answer_median": _times(self.answers)["median"],
        }


def is_drill(case: Case) -> bool:
    """A drill's alert, unless somebody was in need after all."""
    return case.drill and case.outcome not in NEEDED


def measure(cases: Iterable[Case], groups: int, days: Sequence[date], now: datetime) -> Mapping[str, Any]:
    """The figures of one report. `groups`: how many organisations the cases name."""
    at = now.timestamp()
    real, drills = _Section(at), _Section(at)
    by_day = {day: _Section(at) for day in days}
    by_group = [_Section(at) for _ in range(groups)]
    outcomes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    numbers = {_number_of(day): section for day, section in by_day.items()}
    for case in cases:
        if is_drill(case):
            drills.add(case)
            continue
        real.add(case)
        by_group[case.group].add(case)
        if section := numbers.get(int((case.raised + BEIJING.total_seconds()) // _DAY)):
            section.add(case)
        counted = outcomes[case.type]
        counted["alerts"] += 1
        counted["cancelled" if case.state == "cancelled" else case.outcome or "open"] += 1
    return {
        "real": real.told(),
        "drills": drills.told(),
        "days": [{"day": day, **section.short()} for day, section in by_day.items()],
        "types": [{"type": type_, **_outcomes(counted)} for type_, counted in sorted(outcomes.items())],
        "groups": [section.short() for section in by_group],
    }


def _outcomes(counted: Mapping[str, int]) -> dict[str, Any]:
    names = ("alerts", "assisted", "hospital", "false_alarm", "accidental", "test", "drill", "cancelled", "open")
    found: dict[str, Any] = {name: counted.get(name, 0) for name in names}
    closed = found["alerts"] - found["open"]
    # What nobody needed: also what the elder took back in time.
    false = sum(found[name] for name in ("false_alarm", "accidental", "test", "drill", "cancelled"))
    return found | {"false": false, "false_share": round(false / closed, 4) if closed else None}


def _number_of(day: date) -> int:
    """The day's number since 1970 in Beijing, as `raised` is turned into one."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() // _DAY)


def _times(seconds: Sequence[float]) -> dict[str, Any]:
    """Median, and the time that nine in ten did not exceed (nearest rank)."""
    if not seconds:
        return {"count": 0, "median": None, "p90": None}
    ordered = sorted(seconds)
    return {
        "count": len(ordered),
        "median": round(median(ordered), 1),
        "p90": round(ordered[ceil(0.9 * len(ordered)) - 1], 1),
    }
