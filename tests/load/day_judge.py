"""Holds the alerts of a simulated day against its truth. Neither is changed for the other."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_PULSE = ("rule.heart_rate_high", "rule.heart_rate_critical_high", "rule.heart_rate_own_high")
_SLOW = ("rule.heart_rate_low", "rule.heart_rate_critical_low", "rule.heart_rate_own_low")
_BREATH = ("rule.respiratory_rate_high", "rule.respiratory_rate_own_high")
_OXYGEN = ("rule.spo2_low", "rule.spo2_critical_low")
_SCORE = ("rule.news2_medium", "rule.news2_high")
#: Which alerts tell somebody to look at that.
TOLD_BY: dict[str, tuple[str, ...]] = {
    "fibrillation": (*_PULSE, *_SLOW, *_SCORE),
    "slow_heart": (*_SLOW, *_SCORE),
    "infection": (*_PULSE, *_BREATH, *_OXYGEN, *_SCORE, "rule.body_temperature_high", "rule.body_temperature_own_high"),
    "hypoxia": (*_OXYGEN, *_BREATH, *_PULSE, *_SCORE),
    "severe_hypertension": ("rule.systolic_high", "rule.systolic_very_high", "rule.diastolic_high"),
    "fall": ("fall", "sos"),
    "call": ("sos",),
    "wandering": ("rule.wandering",),
    "not_back_in_bed": ("rule.out_of_bed",),
    "not_worn": ("device.not_worn",),
    "cut_off": ("device.offline", "area.outage"),
}
#: An alert tells of what began before it and was over at most so long ago: the longest that a built-in rule waits.
AFTERWARDS = timedelta(minutes=30)
#: A lenient limit of the rate in fibrillation (RACE II, Van Gelder et al., N Engl J Med 2010;362:1363).
FAST = 110
SHIFT = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Raised:
    type: str
    severity: str
    elder: str | None
    station: int
    at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Happened:
    kind: str
    elder: str | None
    station: int
    begin: datetime
    end: datetime
    by_design: bool
    felt: dict[str, Any]

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Happened":
        begin, end = (datetime.fromisoformat(line[name]) for name in ("begin", "end"))
        return cls(line["kind"], line["elder"], line["station"], begin, end, line["by_design"], line["felt"])

    def told_by(self, alert: Raised) -> bool:
        here = alert.station == self.station if self.elder is None else alert.elder == self.elder
        when = self.begin <= alert.at <= self.end + AFTERWARDS
        return here and when and alert.type in TOLD_BY.get(self.kind, ())


def judge(alerts: Sequence[Raised], truth: Sequence[Happened], begin: datetime) -> dict[str, Any]:
    designed = {one.elder for one in truth if one.by_design}
    of_elder: dict[str | None, list[Happened]] = defaultdict(list)
    raised_for: dict[str | None, list[Raised]] = defaultdict(list)
    for one in truth:
        of_elder[one.elder].append(one)
    for alert in alerts:
        raised_for[alert.elder].append(alert)
    load = [alert for alert in alerts if alert.elder not in designed]

    def is_true(alert: Raised) -> bool:
        return any(one.told_by(alert) for one in (*of_elder[alert.elder], *of_elder[None]))

    return {
        "alerts": _load(load, begin),
        "precision": _precision(load, is_true),
        "found": _found(truth, lambda one: alerts if one.elder is None else raised_for[one.elder]),
    }


def _load(alerts: Sequence[Raised], begin: datetime) -> dict[str, Any]:
    shifts = [(begin + number * SHIFT, begin + (number + 1) * SHIFT) for number in range(3)]
    sounding = [alert for alert in alerts if alert.severity != "blue"]
    busiest = Counter((alert.station, (alert.at - begin) // SHIFT) for alert in sounding)
    return {
        "total": len(alerts),
        "by_severity": dict(Counter(alert.severity for alert in alerts).most_common()),
        "by_type": dict(Counter(alert.type for alert in alerts).most_common()),
        "by_shift": [sum(first <= alert.at < last for alert in sounding) for first, last in shifts],
        "red_by_shift": [
            sum(first <= alert.at < last for alert in sounding if alert.severity == "red") for first, last in shifts
        ],
        "cancelled_by_the_wearer": sum(alert.state == "cancelled" for alert in alerts),
        "most_at_a_station_in_a_shift": max(busiest.values(), default=0),
        "elders_with_any": len({alert.elder for alert in sounding}),
        "elders_with_six_or_more": sum(count >= 6 for count in Counter(alert.elder for alert in sounding).values()),
    }


def _precision(alerts: Iterable[Raised], is_true: Any) -> dict[str, Any]:
    """Of each type and severity: how many, and how many of them had a cause."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for alert in alerts:
        true = is_true(alert)
        for name in (alert.type, f"all {alert.severity}"):
            found[name][0] += 1
            found[name][1] += true
    return {
        name: {"alerts": alerts, "true": true, "precision": round(true / alerts, 3)}
        for name, (alerts, true) in sorted(found.items())
    }


def _found(truth: Iterable[Happened], alerts_for: Any) -> dict[str, Any]:
    """Of each kind of truth: how many there were, how many an alert told of, and after how many minutes."""
    minutes: dict[str, list[float | None]] = defaultdict(list)
    for one in truth:
        if one.kind not in TOLD_BY:
            continue
        first = min((alert.at for alert in alerts_for(one) if one.told_by(alert)), default=None)
        after = None if first is None else (first - one.begin).total_seconds() / 60
        minutes[one.kind].append(after)
        if one.kind == "fibrillation" and one.felt["heart_rate"] >= FAST:
            minutes["fibrillation, fast"].append(after)
        if one.kind == "fall" and (one.felt["detected"] or one.felt["presses"]):
            minutes["fall, felt or pressed"].append(after)
    return {kind: _times(after) for kind, after in sorted(minutes.items())}


def _times(after: Sequence[float | None]) -> dict[str, Any]:
    known = sorted(minutes for minutes in after if minutes is not None)
    line: dict[str, Any] = {"happened": len(after), "found": len(known), "recall": round(len(known) / len(after), 3)}
    if known:
        line |= {
            name: round(known[min(len(known) - 1, int(share * len(known)))], 2)
            for name, share in (("p50_minutes", 0.5), ("p90_minutes", 0.9))
        }
    return line
