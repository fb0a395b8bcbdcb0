"""The rules that Anhu comes with."""

import json
from collections import Counter
from pathlib import Path

import pytest

from alerts.domain.rules.built_in import BUILT_IN
from alerts.domain.rules.built_in_living import BUILT_IN_LIVING
from alerts.domain.rules.check import flaws
from alerts.domain.rules.definition import json_of, rule_of
from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.model import Baseline, Mode, Rule, Sample, Subject
from alerts.domain.rules.scope import in_force, severity_for, title_for
from tests.unit.domain.rules.making import SOMEBODY, at, sample, subject

#: What the browser app's tests have for what the API answers.
_WEB = Path(__file__).parents[4] / "services" / "web" / "src" / "testing" / "builtInRules.json"
DEPENDENT = subject(ability_level="total")
KNOWN = subject(
    baselines={"heart_rate": Baseline(72, 6, 300), "respiratory_rate": Baseline(15, 1, 300)},
)


def raised(samples: list[Sample], who: Subject = SOMEBODY) -> dict[str, str]:
    """The severity of each rule that spoke."""
    rules = in_force(BUILT_IN, who)
    return {one.key: severity_for(one, who) for one in rules if episodes(one, who, samples, at(10_000))}


def for_minutes(last: int, every: int = 1, **values: float) -> list[Sample]:
    return [sample(minute, **values) for minute in range(0, last + 1, every)]


@pytest.mark.parametrize("one", BUILT_IN, ids=lambda one: one.key)
def test_each_is_well_made(one: Rule) -> None:
    assert flaws(one) == []
    assert rule_of(json_of(one)) == one
    assert one.source
    assert one.version == 1


def test_the_browser_apps_tests_have_the_same_rules() -> None:
    rules = [json.dumps(json_of(one), ensure_ascii=False) for one in (*BUILT_IN, *BUILT_IN_LIVING)]
    expected = "[\n  " + ",\n  ".join(rules) + "\n]\n"
    assert _WEB.read_text("utf-8") == expected, f"write this to {_WEB.name}:\n{expected}"


def test_their_ids_are_for_ever() -> None:
    assert {str(one.id)[-2:]: one.key for one in BUILT_IN} == {
        "01": "heart_rate_high",
        "02": "heart_rate_low",
        "03": "heart_rate_critical_high",
        "04": "heart_rate_critical_low",
        "05": "spo2_low",
        "06": "spo2_critical_low",
        "07": "body_temperature_high",
        "08": "body_temperature_low",
        "09": "respiratory_rate_high",
        "10": "respiratory_rate_low",
        "11": "systolic_high",
        "12": "systolic_low",
        "13": "diastolic_high",
        "14": "heart_rate_own_high",
        "15": "heart_rate_own_low",
        "16": "respiratory_rate_own_high",
        "17": "news2_medium",
        "18": "news2_high",
        "19": "systolic_very_high",
        "20": "body_temperature_own_high",
    }
    assert {str(one.id)[:-2] for one in BUILT_IN} == {"a17b0000-0000-4000-8000-0000000000"}
    assert max(Counter(one.key for one in BUILT_IN).values()) == 1


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (for_minutes(120, heart_rate=78, spo2=97, body_temperature=36.6, respiratory_rate=16, systolic=130), {}),
        (for_minutes(4, heart_rate=130), {}),
        (for_minutes(6, heart_rate=130), {"heart_rate_high": "yellow"}),
        (for_minutes(6, heart_rate=150), {"heart_rate_high": "yellow", "heart_rate_critical_high": "red"}),
        (for_minutes(3, heart_rate=40), {"heart_rate_critical_low": "red"}),
        (for_minutes(10, heart_rate=49), {"heart_rate_low": "yellow"}),
        (for_minutes(9, heart_rate=49), {}),
        (for_minutes(20, spo2=91), {"spo2_low": "yellow"}),
        (for_minutes(20, spo2=92), {}),
        (for_minutes(3, spo2=84), {"spo2_critical_low": "red"}),
        (for_minutes(20, body_temperature=37.9), {"body_temperature_high": "yellow"}),
        (for_minutes(10, respiratory_rate=25), {"respiratory_rate_high": "yellow"}),
        (for_minutes(5, respiratory_rate=8), {"respiratory_rate_low": "yellow"}),
        ([sample(0, systolic=180, diastolic=110)], {}),
        ([sample(0, systolic=180, diastolic=85), sample(720, systolic=184)], {"systolic_high": "yellow"}),
        ([sample(0, systolic=180), sample(300, systolic=150), sample(720, systolic=184)], {}),
        ([sample(0, systolic=179, diastolic=110), sample(5, diastolic=111)], {"diastolic_high": "yellow"}),
        ([sample(0, systolic=220)], {"systolic_very_high": "yellow"}),
        (for_minutes(30, heart_rate=80) + [sample(minute, heart_rate=128) for minute in range(31, 38)], {}),
        ([sample(0, systolic=90, diastolic=60)], {"systolic_low": "yellow"}),
        (for_minutes(10, heart_rate=112, respiratory_rate=22, systolic=108), {"news2_medium": "orange"}),
        (
            for_minutes(3, heart_rate=112, respiratory_rate=22, systolic=100, spo2=95),
            {"news2_high": "orange"},
        ),
    ],
)
def test_what_raises_what(samples: list[Sample], expected: dict[str, str]) -> None:
    assert raised(samples) == expected


def test_a_watch_that_measures_twice_an_hour_is_watched_too() -> None:
    assert raised(for_minutes(30, every=30, heart_rate=155)) == {
        "heart_rate_high": "yellow",
        "heart_rate_critical_high": "red",
    }


def test_who_cannot_press_is_answered_faster() -> None:
    assert raised(for_minutes(20, spo2=90), DEPENDENT) == {"spo2_low": "orange"}
    ill = for_minutes(3, heart_rate=112, respiratory_rate=22, systolic=100, spo2=95)
    assert raised(ill, DEPENDENT) == {"news2_high": "red"}
    (score,) = (one for one in BUILT_IN if one.key == "news2_high")
    assert title_for(score, DEPENDENT) == "紧急救援 · NEWS2 评分高危"
    assert title_for(score, SOMEBODY) == "NEWS2 评分高危"


def test_what_is_unusual_for_the_person() -> None:
    """72 ± 6 counts as 72 ± 7.2: 100.8, where no fixed limit says a word."""
    assert raised(for_minutes(30, heart_rate=101), KNOWN) == {"heart_rate_own_high": "yellow"}
    assert raised(for_minutes(30, heart_rate=101)) == {}
    assert raised(for_minutes(30, respiratory_rate=22), KNOWN) == {"respiratory_rate_own_high": "yellow"}
    used_to_ninety = subject(baselines={"heart_rate": Baseline(90, 5, 300)})
    assert raised(for_minutes(30, heart_rate=53), used_to_ninety) == {"heart_rate_own_low": "yellow"}


def test_a_fever_at_a_cool_wrist_is_one_by_what_is_usual_there() -> None:
    who = subject(baselines={"body_temperature": Baseline(36.1, 0.2, 300)})
    assert raised(for_minutes(60, 5, body_temperature=37.2), who) == {}
    assert raised(for_minutes(60, 5, body_temperature=37.3), who) == {"body_temperature_own_high": "yellow"}
    assert raised(for_minutes(25, 5, body_temperature=37.3), who) == {}, "once is not again and again"
    assert raised(for_minutes(60, 5, body_temperature=37.3)) == {}


def test_a_cool_wrist_is_no_cold_elder() -> None:
    cool = for_minutes(60, body_temperature=33.5)
    assert raised(cool) == {"body_temperature_low": "yellow"}
    (shown_to_nobody,) = (one for one in BUILT_IN if one.key == "body_temperature_low")
    assert shown_to_nobody.mode is Mode.SHADOW
    assert [one.key for one in BUILT_IN if one.mode is not Mode.LIVE] == ["body_temperature_low"]


def test_every_red_one_is_a_rescue() -> None:
    for who in (SOMEBODY, DEPENDENT):
        for one in BUILT_IN:
            assert title_for(one, who).startswith("紧急救援") == (severity_for(one, who) == "red")
