"""What the operator reads."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.fields import FIELDS
from alerts.domain.rules.model import Direction, Episode, Limit, Rule, Sample, Subject
from alerts.domain.rules.sentence import duration, sentence
from tests.unit.domain.rules.making import (
    NEWS2_5,
    OWN_FAST,
    SLOW,
    SOMEBODY,
    at,
    minutes,
    pulse,
    rule,
    sample,
    usual,
)


def said(asked: Rule, samples: list[Sample], who: Subject = SOMEBODY) -> str:
    (found,) = episodes(asked, who, samples, at(100))
    return sentence(asked, found, found.raised_at)


def test_a_limit() -> None:
    rates = pulse(122, 125, 126, 130, 131, 133, 134)
    assert said(rule(lasting=minutes(6)), rates) == "心率 134 次/分，持续 6 分钟，高于本人上限 120"


def test_a_limit_below_and_at_once() -> None:
    low = rule(Limit("spo2", Direction.BELOW, 85, 88), lasting=minutes(0))
    assert said(low, [sample(0, spo2=82.5)]) == "血氧 82.5%，低于本人下限 85"
    assert said(rule(SLOW), pulse(*[44] * 6)) == "心率 44 次/分，持续 5 分钟，低于本人下限 50"


def test_what_is_usual_for_the_person() -> None:
    assert said(rule(OWN_FAST), pulse(*[104] * 6), usual(72, 6)) == "心率 104 次/分，持续 5 分钟，高于本人平时（72±6）"


def test_a_partial_score() -> None:
    ill = [
        sample(minute, respiratory_rate=25, heart_rate=112, spo2=97, systolic=95, body_temperature=37.5)
        for minute in (0, 5)
    ]
    assert said(rule(NEWS2_5), ill) == (
        "NEWS2 评分 7 分（部分：缺意识、吸氧）：呼吸 25 次/分 3 分，收缩压 95 mmHg 2 分，心率 112 次/分 2 分"
        "；持续 5 分钟；偏低估计"
    )


def test_a_score_names_all_that_is_missing() -> None:
    told = said(rule(NEWS2_5, lasting=minutes(0)), [sample(0, respiratory_rate=25, heart_rate=112)])
    assert told.startswith("NEWS2 评分 5 分（部分：缺意识、吸氧、血氧、收缩压、体温）：")


def test_data_that_came_late_says_so() -> None:
    (found,) = episodes(rule(), SOMEBODY, pulse(*[130] * 6, *[100] * 6), at(100))
    told = "心率 130 次/分，持续 5 分钟，高于本人上限 120；已恢复"
    assert sentence(rule(), found, found.raised_at + timedelta(minutes=4, seconds=59)) == told
    assert sentence(rule(), found, found.raised_at + timedelta(minutes=5)) == told + "；5 分钟前的数据"
    assert sentence(rule(), found, found.raised_at + timedelta(minutes=125)) == told + "；2 小时 5 分钟前的数据"


def test_it_says_what_held_then() -> None:
    """The limit was changed since; the sentence is made of what was kept."""
    (found,) = episodes(rule(), SOMEBODY, pulse(*[130] * 6), at(100))
    changed = replace(rule(), condition=Limit("heart_rate", Direction.ABOVE, 140, 130))
    assert sentence(changed, found, found.raised_at).endswith("高于本人上限 120")


@pytest.mark.parametrize(("value", "figure"), [(120.04, "120.04"), (120.001, "120.001"), (133.96, "134"), (121, "121")])
def test_a_figure_never_looks_like_the_limit_it_is_beyond(value: float, figure: str) -> None:
    at_once = rule(lasting=minutes(0))
    assert said(at_once, pulse(value)) == f"心率 {figure} 次/分，高于本人上限 120"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 秒"),
        (59.9, "59 秒"),
        (60, "1 分钟"),
        (119, "1 分钟"),
        (3599, "59 分钟"),
        (3600, "1 小时"),
        (3900, "1 小时 5 分钟"),
        (86400, "1 天"),
        (100000, "1 天 3 小时"),
    ],
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(timedelta(seconds=seconds)) == told


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_its_name_and_unit(field: str) -> None:
    evidence: dict[str, Any] = {"kind": "limit", "field": field, "value": 42, "direction": "above", "limit": 41}
    told = sentence(rule(), Episode(at(0), at(0), None, evidence), at(0))
    assert told.startswith(FIELDS[field].name + " 42")
    assert FIELDS[field].unit in told
