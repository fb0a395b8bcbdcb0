"""When a visit is due, and by which calendar it is counted."""

from datetime import date
from itertools import pairwise

import pytest

from alerts.domain.visits import Every, Period, due_on, last_periods, period_of, rate


@pytest.mark.parametrize(
    ("last", "every", "due"),
    [
        ("2026-11-30", Every.WEEK, "2026-12-07"),
        ("2026-01-31", Every.MONTH, "2026-02-28"),
        ("2024-01-31", Every.MONTH, "2024-02-29"),
        ("2026-12-15", Every.MONTH, "2027-01-15"),
        ("2026-11-30", Every.QUARTER, "2027-02-28"),
    ],
)
def test_due(last: str, every: Every, due: str) -> None:
    assert due_on(date.fromisoformat(last), every) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("day", "every", "first", "last"),
    [
        ("2026-11-30", Every.WEEK, "2026-11-30", "2026-12-06"),  # a Monday
        ("2026-12-06", Every.WEEK, "2026-11-30", "2026-12-06"),
        ("2026-02-10", Every.MONTH, "2026-02-01", "2026-02-28"),
        ("2026-12-31", Every.QUARTER, "2026-10-01", "2026-12-31"),
    ],
)
def test_periods(day: str, every: Every, first: str, last: str) -> None:
    period = Period(date.fromisoformat(first), date.fromisoformat(last))
    assert period_of(date.fromisoformat(day), every) == period


@pytest.mark.parametrize("every", list(Every))
def test_the_last_periods_follow_each_other_without_a_gap(every: Every) -> None:
    periods = last_periods(date(2026, 3, 1), every, 6)
    assert periods[-1] == period_of(date(2026, 3, 1), every)
    assert all((two.first - one.last).days == 1 for one, two in pairwise(periods))


def test_a_rate_of_nobody_is_none() -> None:
    assert (rate(0, 0), rate(1, 4)) == (None, 0.25)
