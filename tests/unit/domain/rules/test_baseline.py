"""What is usual for one person."""

from statistics import NormalDist

import pytest

from alerts.domain.rules.baseline import LEAST_HOURS, baseline, usable_spread
from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.model import Baseline
from tests.unit.domain.rules.making import OWN_FAST, OWN_SLOW, at, pulse, rule, usual


def test_centre_and_spread() -> None:
    made = baseline([70.0] * 30 + [72.0] * 31 + [74.0] * 30)
    assert made == Baseline(72, pytest.approx(1.4826 * 2), 91)


def test_of_a_normal_distribution_the_spread_is_sigma() -> None:
    hours = 336
    values = [NormalDist(72, 6).inv_cdf((index + 0.5) / hours) for index in range(hours)]
    made = baseline(values)
    assert made is not None
    assert made.median == pytest.approx(72)
    assert made.spread == pytest.approx(6, rel=0.01)


def test_a_day_of_fever_does_not_move_it() -> None:
    calm = [70.0 + index % 5 for index in range(312)]
    made = baseline(calm + [130.0] * 24)
    assert made is not None
    assert made.median == 72
    assert made.spread < 3


def test_fewer_hours_say_nothing() -> None:
    assert baseline([]) is None
    assert baseline([72.0] * (LEAST_HOURS - 1)) is None
    assert baseline([72.0] * LEAST_HOURS) == Baseline(72, 0, LEAST_HOURS)


@pytest.mark.parametrize(
    ("field", "measured", "used"),
    [("heart_rate", 0.5, 7.2), ("heart_rate", 8, 8), ("respiratory_rate", 0, 1.5), ("respiratory_rate", 2, 2)],
)
def test_no_spread_is_less_than_the_devices_error(field: str, measured: float, used: float) -> None:
    assert usable_spread(field, Baseline(72, measured, 300)) == pytest.approx(used)


def test_a_very_steady_person_does_not_alarm_at_once() -> None:
    """A pulse of 88 hour after hour, and 101 on the stairs: 13 of their spreads, and within what a device may err."""
    stairs = pulse(*[101] * 30)
    assert episodes(rule(OWN_FAST), usual(88, 1), stairs, at(100)) == []
    assert episodes(rule(OWN_FAST), usual(88, 1), pulse(*[125] * 30), at(100))


def test_within_the_normal_band_nobody_is_called_ill() -> None:
    assert episodes(rule(OWN_FAST), usual(55, 5.5), pulse(*[100] * 30), at(100)) == []
    (found,) = episodes(rule(OWN_FAST), usual(55, 5.5), pulse(*[101] * 30, *[92] * 30), at(100))
    # 100 counts instead of 55 + 4 × 5.5, and what clears it moved along: 100 − 1.5 × 5.5 = 91.75.
    assert (found.evidence["limit"], found.cleared_at) == (100, None)
    (found,) = episodes(rule(OWN_FAST), usual(55, 5.5), pulse(*[101] * 30, *[91] * 30), at(100))
    assert found.cleared_at == at(35)


def test_below_what_is_usual() -> None:
    """90 − 4 × 9 = 54, clear at 90 − 2.5 × 9 = 67.5; 110 − 4 × 11 = 66 lies in the normal band: 60 counts."""
    own = rule(OWN_SLOW)
    assert episodes(own, usual(90, 9), pulse(*[54] * 30), at(100)) == []
    (found,) = episodes(own, usual(90, 9), pulse(*[53] * 30, *[67] * 10, *[68] * 30), at(100))
    assert found.cleared_at == at(45)
    assert episodes(own, usual(110, 11), pulse(*[60] * 30), at(100)) == []
    assert episodes(own, usual(110, 11), pulse(*[59] * 30), at(100))
