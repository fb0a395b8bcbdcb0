"""Whether a rule makes sense: what is wrong with it, where, and how to mend it, in Chinese for those who make rules.
Pure."""

from collections.abc import Container, Iterator
from datetime import timedelta
from typing import Final, NamedTuple

from alerts.domain.alert import Severity
from alerts.domain.rules.baseline import LEAST_HOURS, OWN_LIMIT_FIELDS
from alerts.domain.rules.fields import FIELDS
from alerts.domain.rules.living_definition import living_flaws
from alerts.domain.rules.model import Direction, Limit, Living, Measuring, OwnLimit, Rule, Scope, Score
from alerts.domain.rules.scope import RESCUE

LONGEST: Final = timedelta(hours=24)
SHORTEST_GAP: Final = timedelta(seconds=10)
SHORTEST_FRESH: Final = timedelta(minutes=1)
#: The most that NEWS2 can be: 3 for each of six parameters, and 2 for oxygen.
HIGHEST_TOTAL: Final = 20
MOST_SPREADS: Final = 20.0
BASELINE_HOURS: Final = 14 * 24


class Flaw(NamedTuple):
    """`where` is the path in the JSON of a definition, as condition.clear; `what` says what is wrong and how to mend
    it."""

    where: str
    what: str


def flaws(rule: Rule) -> list[Flaw]:
    """All that is wrong with it; empty when it may be stored."""
    return [*_title(rule), *_times(rule), *_contexts(rule), *_condition(rule)]


def _title(rule: Rule) -> Iterator[Flaw]:
    rescue = rule.title.startswith(RESCUE)
    if rule.severity is Severity.RED and not rescue:
        yield Flaw("title", f"红色规则的标题必须以“{RESCUE}”开头，请改为“{RESCUE} · {rule.title}”")
    if rule.severity is not Severity.RED and rescue:
        yield Flaw("title", f"只有红色规则的标题可以以“{RESCUE}”开头，请去掉这几个字，或把级别改为红色")


def _times(rule: Rule) -> Iterator[Flaw]:
    for where, name, time, least in (
        ("lasting_seconds", "持续时间", rule.lasting, timedelta(0)),
        ("clear_after_seconds", "恢复时间", rule.clear_after, timedelta(0)),
        ("gap_seconds", "最大间隔", rule.gap, SHORTEST_GAP),
    ):
        yield from _within(where, name, time, least)
    if isinstance(rule.condition, Score):
        yield from _within("condition.fresh_seconds", "数值有效时间", rule.condition.fresh, SHORTEST_FRESH)
    elif isinstance(rule.condition, Limit | OwnLimit):
        yield from _within("condition.over_seconds", "取中位数的时间", rule.condition.over, timedelta(0))


def _within(where: str, name: str, time: timedelta, least: timedelta) -> Iterator[Flaw]:
    if not least <= time <= LONGEST:
        seconds = f"{least.total_seconds():g} 到 {LONGEST.total_seconds():g} 秒（24 小时）"
        yield Flaw(where, f"{name}现为 {time.total_seconds():g} 秒，应在 {seconds}之间")


def _contexts(rule: Rule) -> Iterator[Flaw]:
    for place, context in enumerate(rule.severity_when):
        if context.scope == Scope():
            where = f"severity_when.{place}.scope"
            yield Flaw(where, "没有写明对谁适用，会对所有人生效：请写明范围，或直接修改规则的级别")


def _condition(rule: Rule) -> Iterator[Flaw]:
    if isinstance(rule.condition, Living):
        yield from (Flaw(*told) for told in living_flaws(rule, rule.condition))
    else:
        yield from _measuring(rule.condition)


def _measuring(condition: Measuring) -> Iterator[Flaw]:
    match condition:
        case Limit():
            yield from _limit(condition)
        case OwnLimit():
            yield from _own_limit(condition)
        case Score(total=total):
            if not 1 <= total <= HIGHEST_TOTAL:
                yield Flaw("condition.total", f"总分现为 {total}，应在 1 到 {HIGHEST_TOTAL} 之间")


def _limit(limit: Limit) -> Iterator[Flaw]:
    field = FIELDS.get(limit.field)
    if field is None:
        yield _unknown_field(limit.field, FIELDS)
        return
    span = f"{field.lowest:g} 到 {field.highest:g} {field.unit}"
    for where, name, value in (("value", "限值", limit.value), ("clear", "恢复值", limit.clear)):
        if not field.lowest <= value <= field.highest:
            yield Flaw(f"condition.{where}", f"{name} {value:g} 超出{field.name}的可测范围，应在 {span}之间")
    above = limit.direction is Direction.ABOVE
    if limit.value == (field.highest if above else field.lowest):
        side, way = ("高于", "调低") if above else ("低于", "调高")
        yield Flaw("condition.value", f"{field.name}不可能{side} {limit.value:g}，规则永远不会触发，请{way}限值")
    if limit.clear >= limit.value if above else limit.clear <= limit.value:
        side = "小于" if above else "大于"
        yield Flaw("condition.clear", f"恢复值 {limit.clear:g} 应{side}限值 {limit.value:g}，否则会反复告警")


def _own_limit(own: OwnLimit) -> Iterator[Flaw]:
    if own.field not in OWN_LIMIT_FIELDS:
        yield _unknown_field(own.field, OWN_LIMIT_FIELDS)
        return
    field = FIELDS[own.field]
    if not 0 < own.spreads <= MOST_SPREADS:
        yield Flaw("condition.spreads", f"偏离倍数现为 {own.spreads:g}，应大于 0，不超过 {MOST_SPREADS:g}")
    elif not 0 <= own.clear_spreads < own.spreads:
        what = f"恢复倍数现为 {own.clear_spreads:g}，应不小于 0，并小于偏离倍数 {own.spreads:g}，否则会反复告警"
        yield Flaw("condition.clear_spreads", what)
    if not LEAST_HOURS <= own.least_hours <= BASELINE_HOURS:
        what = f"最少小时数现为 {own.least_hours}，应在 {LEAST_HOURS} 到 {BASELINE_HOURS}（两周）之间"
        yield Flaw("condition.least_hours", what)
    lowest, highest = own.inside
    if not field.lowest <= lowest < highest <= field.highest:
        span = f"{field.lowest:g} 到 {field.highest:g} {field.unit}"
        yield Flaw("condition.inside", f"正常范围应从小到大写两个数，在 {span}之间")
        return
    edge, above = (highest, True) if own.direction is Direction.ABOVE else (lowest, False)
    for where, name, value in (
        ("always", "人人适用的限值", own.always),
        ("until_known", "尚无平时数据时的限值", own.until_known),
    ):
        if value is not None and not (edge <= value < field.highest if above else field.lowest < value <= edge):
            span = f"{edge:g} 到 {field.highest:g}" if above else f"{field.lowest:g} 到 {edge:g}"
            yield Flaw(f"condition.{where}", f"{name} {value:g} 应在正常范围之外，在 {span} {field.unit}之间")


def _unknown_field(name: str, known: Container[str]) -> Flaw:
    names = "、".join(f"{one}（{FIELDS[one].name}）" for one in FIELDS if one in known)
    return Flaw("condition.field", f"这种条件不能用于“{name}”，请从这些项目中选：{names}")
