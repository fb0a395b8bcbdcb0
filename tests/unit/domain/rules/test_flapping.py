"""What keeps coming back is counted and does not ask again; red always asks."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.alert import Severity
from alerts.domain.rules.flapping import AGAIN_WITHIN, MOST, SPAN, fluctuates
from tests.unit.domain.rules.making import at, minutes

SECOND = timedelta(seconds=1)


def came(*starts: float, lasting: float = 2) -> list[tuple[datetime, datetime]]:
    return [(at(start), at(start + lasting)) for start in starts]


def test_the_first_returns_ask_and_the_one_after_does_not() -> None:
    starts = [10.0 * number for number in range(MOST + 2)]
    for number in range(MOST + 1):
        assert not fluctuates(Severity.YELLOW, at(starts[number]), came(*starts[:number])), number
    assert fluctuates(Severity.YELLOW, at(starts[-1]), came(*starts[:-1]))


@pytest.mark.parametrize("severity", Severity)
def test_red_always_asks(severity: Severity) -> None:
    quiet = fluctuates(severity, at(50), came(0, 10, 20, 30, 40))
    assert quiet == (severity is not Severity.RED)


def test_what_was_clear_for_longer_is_a_new_story() -> None:
    before = came(0, 10, 20, 30)
    assert fluctuates(Severity.YELLOW, before[-1][1] + AGAIN_WITHIN, before)
    assert not fluctuates(Severity.YELLOW, before[-1][1] + AGAIN_WITHIN + SECOND, before)


def test_returns_of_more_than_an_hour_ago_do_not_count() -> None:
    spread = came(0, 11, 22, 33, 44)  # the first return is at minute 11
    assert fluctuates(Severity.YELLOW, at(55), spread)
    slow = [(at(20.0 * n), at(20.0 * n + 12)) for n in range(6)]
    assert not fluctuates(Severity.YELLOW, at(120), slow), "three returns in an hour, whatever was before"
    assert minutes(60) == SPAN


def test_one_that_is_said_to_be_over_later_does_not_count() -> None:
    assert not fluctuates(Severity.YELLOW, at(30), [(at(0), at(31)), (at(1), at(32)), (at(2), at(33)), (at(3), at(34))])


@given(st.permutations(came(0, 10, 20, 30, 40)))
def test_the_order_does_not_matter(earlier: list[tuple[datetime, datetime]]) -> None:
    assert fluctuates(Severity.BLUE, at(50), earlier)
