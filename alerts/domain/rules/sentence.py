"""Why a rule spoke, in a sentence for operators. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from alerts.domain.rules.durations import between, duration
from alerts.domain.rules.fields import DIGITS, FIELDS
from alerts.domain.rules.living_sentence import living_sentence
from alerts.domain.rules.model import Direction, Episode, Rule

#: Data that is older than this when the sentence is made is said to be old.
_OLD: Final = timedelta(minutes=5)
#: Of a score, what no reading has: named first of what is missing.
_NO_NUMBERS: Final = {"consciousness": "意识", "on_oxygen": "吸氧"}


def sentence(rule: Rule, episode: Episode, now: datetime) -> str:
    """What was measured, for how long until it was raised, against what; from the evidence alone, so that it says what
    held then and not what holds now. 本人上限 is the limit in force for this person, whoever set it for whom. `now`:
    when it is said; data that came late says how old it is."""
    evidence = episode.evidence
    lasted = _lasted(episode)
    if evidence["kind"] == "score":
        told = _score(evidence, lasted)
    elif evidence["kind"] in ("fence", "stillness", "out_of_bed"):
        told = living_sentence(episode)
    else:
        said = [_measured(evidence["field"], evidence["value"], evidence["limit"]), lasted, _against(evidence)]
        told = "，".join(part for part in said if part)
        if over := evidence.get("over_seconds"):
            told += f"（{duration(timedelta(seconds=over))}中位数）"
    if episode.cleared_at is not None:
        told += "；已恢复"
    if (age := between(episode.raised_at, now)) >= _OLD:
        told += f"；{duration(age)}前的数据"
    return told


def _score(evidence: Mapping[str, Any], lasted: str) -> str:
    missing = "、".join(
        [name for parameter, name in _NO_NUMBERS.items() if parameter in evidence["missing"]]
        + [FIELDS[parameter].name for parameter in evidence["missing"] if parameter in FIELDS]
    )
    partial = f"（部分：缺{missing}）" if missing else ""
    # The heaviest first, because the operator reads the beginning.
    heaviest = sorted(evidence["points"].items(), key=lambda item: -item[1])
    parts = [
        f"{_measured(parameter, evidence['values'][parameter])} {points} 分" for parameter, points in heaviest if points
    ]
    told = f"NEWS2 评分 {evidence['total']} 分{partial}：" + "，".join(parts)
    if lasted:
        told += f"；{lasted}"
    return told + "；偏低估计" if missing else told


def _against(evidence: Mapping[str, Any]) -> str:
    above = evidence["direction"] == Direction.ABOVE
    side = "高于" if above else "低于"
    if evidence["kind"] == "own_limit":
        return f"{side}本人平时（{_figure(evidence['median'])}±{_figure(evidence['spread'])}）"
    return f"{side}本人{'上限' if above else '下限'} {_figure(evidence['limit'])}"


def _lasted(episode: Episode) -> str:
    lasted = between(episode.began_at, episode.raised_at)
    return f"持续 {duration(lasted)}" if lasted >= timedelta(seconds=1) else ""


def _measured(field: str, value: float, limit: float | None = None) -> str:
    known = FIELDS[field]
    space = "" if known.unit == "%" else " "
    return f"{known.name} {_figure(value, limit)}{space}{known.unit}"


def _figure(value: float, limit: float | None = None) -> str:
    """To a tenth; finer only where a tenth would make it look equal to the limit that it is beyond."""
    for digits in range(1, DIGITS):
        if limit is None or value == limit or round(value, digits) != round(limit, digits):
            return f"{round(value, digits):g}"
    return f"{value:g}"
