"""The band outside which a single sample may matter: it loses no episode."""

from datetime import timedelta
from typing import Any

from hypothesis import given

from alerts.domain.rules.built_in import BUILT_IN
from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.limits import Band, envelope
from alerts.domain.rules.model import Baseline, Direction, Limit, Sample, Subject
from alerts.domain.rules.scope import in_force
from tests.parts.examples import examples
from tests.unit.domain.rules.making import FAST, NEWS2_5, OWN_FAST, SLOW, SOMEBODY, at, rule, subject, usual
from tests.unit.domain.rules.strategies import any_history, any_rules, subjects


def outside(bands: dict[str, Band], sample: Sample) -> bool:
    """As whoever marks candidates does it."""
    for field, (low, high) in bands.items():
        value = sample.values.get(field)
        if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
            return True
    return False


def test_the_tightest_limit_of_each_side() -> None:
    wider = Limit("heart_rate", Direction.ABOVE, 150, 140)
    slower = Limit("heart_rate", Direction.BELOW, 41, 45)
    rules = [rule(FAST), rule(wider), rule(slower), rule(SLOW)]
    assert envelope(rules, SOMEBODY) == envelope(reversed(rules), SOMEBODY) == {"heart_rate": (50, 120)}


def test_an_own_limit_counts_as_soon_as_there_is_a_baseline() -> None:
    assert envelope([rule(OWN_FAST)], SOMEBODY) == {}
    assert envelope([rule(FAST), rule(OWN_FAST)], usual(72, 8)) == {"heart_rate": (None, 104)}


def test_a_score_wants_to_know_all_that_has_a_point() -> None:
    bands: dict[str, Any] = {
        "respiratory_rate": (12, 20),
        "spo2": (96, None),
        "systolic": (111, 219),
        "heart_rate": (51, 90),
        "body_temperature": (36.1, 38.0),
    }
    assert envelope([rule(NEWS2_5)], SOMEBODY) == bands
    assert envelope([rule(NEWS2_5)], subject(spo2_scale_2=True)) == bands | {"spo2": (88, None)}


def assert_nothing_is_lost(rules: list[Any], who: Subject, history: list[Sample]) -> int:
    bands = envelope(rules, who)
    marked = {sample.at for sample in history if outside(bands, sample)}
    count = 0
    for one in rules:
        for found in episodes(one, who, history, at(100_000)):
            count += 1
            assert found.began_at in marked, (one, found)
            assert found.raised_at in marked, (one, found)
    return count


@examples(25)
@given(any_rules, subjects, any_history)
def test_each_stretch_begins_and_is_completed_outside(rules: list[Any], who: Subject, history: list[Sample]) -> None:
    assert_nothing_is_lost(rules, who, history)


def test_the_built_in_rules_lose_nothing() -> None:
    """A whole day of one wristband, ill for hours: the property above with episodes in it for certain."""
    who = subject(baselines={"heart_rate": Baseline(72, 6, 300), "respiratory_rate": Baseline(15, 2, 300)})
    history = [
        Sample(
            at(minute),
            {
                "heart_rate": 70 + 35 * (minute // 60 % 4) + minute % 7 / 3,
                "spo2": 97 - 5 * (minute // 90 % 4) + minute % 3 / 2,
                "respiratory_rate": 14 + 5 * (minute // 45 % 4),
                "systolic": 130 + 30 * (minute // 120 % 3),
                "body_temperature": 36.5 + 0.7 * (minute // 200 % 4),
            },
            "wb-1",
        )
        for minute in range(0, 1440, 5)
    ]
    rules = in_force(BUILT_IN, who)
    assert assert_nothing_is_lost(rules, who, history) > 20
    assert not any(episodes(one, who, history[:3], at(0) + timedelta(days=2)) for one in rules)
