"""Escalation policies as JSON: read with everything that is wrong told at once, in Chinese, and written back. Pure.

docs/escalation.md shows one.
"""

from collections.abc import Iterable, Mapping
from datetime import time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, TypeVar
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.calendar import DayKind, clock_of
from alerts.domain.policy import (
    CLIMB_AFTER,
    MOST_ROUNDS,
    Plan,
    Policy,
    PresenceCheck,
    Snapshot,
    Stage,
    Step,
    Steps,
    Watch,
    Who,
)
from alerts.domain.rules.check import Flaw
from alerts.domain.rules.definition import DefinitionError

T = TypeVar("T", bound=StrEnum)

MOST_PLANS: Final = 24
MOST_STEPS: Final = 20
LONGEST_SECONDS: Final = 24 * 3600
_CHECK_DEFAULT_SECONDS: Final = 120


def policy_of(definition: Mapping[str, Any]) -> Policy:
    """Raises DefinitionError with all that is wrong."""
    reading = _Reading()
    policy = reading.policy(definition)
    if reading.flaws:
        raise DefinitionError(reading.flaws)
    return policy


def policy_json(policy: Policy) -> dict[str, Any]:
    """What policy_of reads."""
    found: dict[str, Any] = {
        "name": policy.name,
        "watch": policy.watch.value,
        "plans": [_plan_json(plan) for plan in policy.plans],
    }
    if policy.check is not None:
        found["presence_check"] = {
            "every_seconds": _seconds(policy.check.every),
            "answer_within_seconds": _seconds(policy.check.answer_within),
            "begins": _clock(policy.check.begins),
            "ends": _clock(policy.check.ends),
        }
    return found


def snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    """As it is kept beside an alert."""
    return {severity.value: _stages_json(stages) for severity, stages in snapshot.items() if stages}


def snapshot_of(kept: Mapping[str, Any]) -> Snapshot:
    """What snapshot_json wrote."""
    reading = _Reading()
    return {Severity(name): reading.stages(f"snapshot.{name}", stages) for name, stages in kept.items()}


def _plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "severities": [one.value for one in Severity if one in plan.severities],
        "days": [one.value for one in DayKind if one in plan.days],
        "begins": _clock(plan.begins),
        "ends": _clock(plan.ends),
        **_stages_json(plan.stages),
    }


def _stages_json(stages: Mapping[Stage, Steps]) -> dict[str, Any]:
    return {stage.value: [_step_json(step) for step in stages[stage]] for stage in Stage if stage in stages}


def _step_json(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {"after_seconds": _seconds(step.after), "who": [one.value for one in step.who]}
    if step.people:
        found["people"] = [str(one) for one in step.people]
    if step.attention:
        found["attention"] = True
    if step.every is not None:
        found["every_seconds"] = _seconds(step.every)
    if step.times is not None:
        found["times"] = step.times
    return found


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _clock(clock: time) -> str:
    return clock.isoformat("minutes")


class _Reading:
    """Reads on after a flaw: whoever wrote it wants to know all."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []

    def wrong(self, where: str, what: str) -> None:
        self.flaws.append(Flaw(where, what))

    def policy(self, given: Mapping[str, Any]) -> Policy:
        self._only(given, "", ("name", "watch", "plans", "presence_check"))
        name = given.get("name")
        if not isinstance(name, str) or not 0 < len(name.strip()) <= 100 or "\x00" in name:
            self.wrong("name", "请填写预案名称，最多 100 个字")
            name = ""
        watch = self._one(given.get("watch", "expected"), "watch", Watch, Watch.EXPECTED)
        plans = []
        listed = given.get("plans", [])
        if not isinstance(listed, list) or len(listed) > MOST_PLANS:
            self.wrong("plans", f"plans 应为列表，最多 {MOST_PLANS} 项")
            listed = []
        for number, plan in enumerate(listed):
            if isinstance(plan, Mapping):
                plans.append(self._plan(f"plans.{number}", plan))
            else:
                self.wrong(f"plans.{number}", "应为对象")
        check = given.get("presence_check")
        return Policy(name.strip(), tuple(plans), watch, self._check(check) if check is not None else None)

    def _plan(self, where: str, given: Mapping[str, Any]) -> Plan:
        self._only(given, where, ("severities", "days", "begins", "ends", *Stage))
        severities = self._some(given.get("severities"), f"{where}.severities", Severity)
        if not severities:
            self.wrong(f"{where}.severities", "请至少选一个级别（red、orange、yellow、blue）")
        days = self._some(given.get("days", [*DayKind]), f"{where}.days", DayKind)
        if not days:
            self.wrong(f"{where}.days", "请至少选一种日子：工作日、休息日、法定节假日（workday、rest、holiday）")
        begins, ends = self._hours(given, where)
        stages = self.stages(where, {name: given[name] for name in Stage if name in given})
        if Severity.RED in severities:
            self._climbs(where, stages)
        return Plan(frozenset(severities), stages, frozenset(days), begins, ends)

    def stages(self, where: str, given: Mapping[str, Any]) -> dict[Stage, Steps]:
        found: dict[Stage, Steps] = {}
        for name, steps in given.items():
            at = f"{where}.{name}"
            if not isinstance(steps, list) or len(steps) > MOST_STEPS:
                self.wrong(at, f"应为步骤的列表，最多 {MOST_STEPS} 步")
                continue
            read = []
            for number, step in enumerate(steps):
                if isinstance(step, Mapping):
                    read.append(self._step(f"{at}.{number}", step))
                else:
                    self.wrong(f"{at}.{number}", "应为对象")
            for number, (one, following) in enumerate(pairwise(read), start=1):
                if following.after < one.after:
                    self.wrong(f"{at}.{number}.after_seconds", "不能早于上一步")
                if one.every is not None:
                    self.wrong(f"{at}.{number - 1}.every_seconds", "只有最后一步可以重复")
            found[Stage(name)] = tuple(read)
        return found

    def _step(self, where: str, given: Mapping[str, Any]) -> Step:
        self._only(given, where, ("after_seconds", "who", "people", "attention", "every_seconds", "times"))
        after = self._span(given.get("after_seconds"), f"{where}.after_seconds", least=0)
        who = self._some(given.get("who", []), f"{where}.who", Who)
        people = []
        for number, text in enumerate(given.get("people") or []):
            try:
                people.append(UUID(str(text)))
            except ValueError:
                self.wrong(f"{where}.people.{number}", "应为账号的 id")
        if (Who.NAMED in who) != bool(people):
            self.wrong(f"{where}.people", "选了指定人员（named），请选出是哪些人（people）；没有选时不要列出人")
        attention = given.get("attention", False)
        if not isinstance(attention, bool):
            self.wrong(f"{where}.attention", "应为 true 或 false")
        if not who and attention is not True:
            self.wrong(f"{where}.who", "这一步没有对象：请选通知谁（who），或选屏幕再次响铃（attention）")
        every = given.get("every_seconds")
        repeated = None if every is None else self._span(every, f"{where}.every_seconds", least=10)
        times = given.get("times")
        if times is not None and (type(times) is not int or not 1 <= times <= MOST_ROUNDS or repeated is None):
            self.wrong(f"{where}.times", f"重复次数应为 1 至 {MOST_ROUNDS} 的整数，并设定每隔多久重复（every_seconds）")
            times = None
        return Step(after, tuple(who), tuple(people), attention is True, repeated, times)

    def _climbs(self, where: str, stages: Mapping[Stage, Steps]) -> None:
        """The contract's minute: the tier above within 60 s, and again each 60 s to the root."""
        for stage in (Stage.UNANSWERED, Stage.ASKED_AGAIN):
            steps = stages.get(stage)
            if steps is None:
                continue
            last = steps[-1] if steps else None
            climbs = [one for one in steps if Who.TIER_ABOVE in one.who]
            if (
                not climbs
                or climbs[0].after > CLIMB_AFTER
                or last is not climbs[-1]
                or last.every is None
                or last.every > CLIMB_AFTER
                or last.times is not None
                or any(b.after - a.after > CLIMB_AFTER for a, b in pairwise(climbs))
            ):
                self.wrong(
                    f"{where}.{stage.value}",
                    "红色告警 60 秒无人接警必须上报上一级，此后每 60 秒再上一级，直到最高一级："
                    "最后一步请选上级机构（tier_above），不晚于 60 秒，此后每 60 秒以内重复（every_seconds）、不限次数",
                )

    def _check(self, given: Any) -> PresenceCheck | None:
        if not isinstance(given, Mapping):
            self.wrong("presence_check", "应为对象")
            return None
        self._only(given, "presence_check", ("every_seconds", "answer_within_seconds", "begins", "ends"))
        every = self._span(given.get("every_seconds"), "presence_check.every_seconds", least=60)
        within = given.get("answer_within_seconds", _CHECK_DEFAULT_SECONDS)
        answer = self._span(within, "presence_check.answer_within_seconds", least=10)
        if answer >= every:
            self.wrong("presence_check.answer_within_seconds", "应短于两次确认的间隔")
        begins, ends = self._hours(given, "presence_check")
        return PresenceCheck(every, answer, begins, ends)

    def _hours(self, given: Mapping[str, Any], where: str) -> tuple[time, time]:
        clocks = []
        for name in ("begins", "ends"):
            try:
                clocks.append(clock_of(given.get(name, "00:00")))
            except (ValueError, TypeError):
                self.wrong(f"{where}.{name}", "时间请写成 08:30 的形式")
                clocks.append(time(0))
        return clocks[0], clocks[1]

    def _span(self, given: Any, where: str, *, least: int) -> timedelta:
        if type(given) is not int or not least <= given <= LONGEST_SECONDS:
            self.wrong(where, f"时间应为 {least} 至 {LONGEST_SECONDS} 秒的整数")
            return timedelta(seconds=least)
        return timedelta(seconds=given)

    def _one(self, given: Any, where: str, kind: type[T], otherwise: T) -> T:
        try:
            return kind(given)
        except ValueError:
            self.wrong(where, f"应为 {'、'.join(kind)} 之一")
            return otherwise

    def _some(self, given: Any, where: str, kind: type[T]) -> list[T]:
        if not isinstance(given, list):
            self.wrong(where, f"应为列表，可选 {'、'.join(kind)}")
            return []
        found: list[T] = []
        for number, one in enumerate(given):
            try:
                found.append(kind(one))
            except (ValueError, TypeError):
                self.wrong(f"{where}.{number}", f"应为 {'、'.join(kind)} 之一")
        return list(dict.fromkeys(found))

    def _only(self, given: Mapping[str, Any], where: str, names: Iterable[str]) -> None:
        for name in sorted(set(map(str, given)) - set(names)):
            self.wrong(f"{where}.{name}".lstrip("."), "没有这一项")
