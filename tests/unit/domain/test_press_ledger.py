"""Gaps and resets of a device's own numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.domain.press_ledger import Counted, unaccounted, unexplained, walk

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def numbered(*numbers: int | tuple[int, float]) -> list[Counted]:
    """Each a minute after the one before; (number, minute) came when it did, but happened in that minute."""
    return [
        Counted(
            one if isinstance(one, int) else one[0],
            NOON + timedelta(minutes=place if isinstance(one, int) else one[1]),
            NOON + timedelta(minutes=place),
        )
        for place, one in enumerate(numbers)
    ]


@pytest.mark.parametrize(
    ("numbers", "gaps", "resets"),
    [
        ((1, 2, 3), [], []),
        ((1, 2, 5, 6), [(3, 4)], []),
        ((1, 5, 9), [(2, 4), (6, 8)], []),
        ((1, 2, 4, (3, 1.5)), [], []),  # 3 waited in the device's memory
        ((1, 4, 3), [(2, 2)], []),  # its clock was wrong: it fills its place all the same
        ((1, 5, 3), [(2, 2), (4, 4)], []),
        ((7, 8, 1, 2), [], [(8, 1)]),
        ((7, 9, 1, 2), [(8, 8)], [(9, 1)]),  # what was missing before it began again stays missing
        ((7, 8, 8), [], [(8, 8)]),
        ((3, 90_000, 90_001), [], [(3, 90_000)]),  # a counter that leaps was set
        ((5,), [], []),
        ((), [], []),
    ],
)
def test_gaps_and_resets(numbers: tuple[int, ...], gaps: list[tuple[int, int]], resets: list[tuple[int, int]]) -> None:
    found, begun_again = walk(numbered(*numbers))
    assert [(one.first, one.last) for one in found] == gaps
    assert [(one.last, one.first) for one in begun_again] == resets


def test_what_was_refused_with_a_reason_is_explained() -> None:
    [gap], _ = walk(numbered(1, 5))
    assert (gap.size, unexplained(gap, {3, 9}), unexplained(gap, ())) == (3, 2, 3)


def test_the_figure() -> None:
    well = {"missing": 0, "stored": 9, "raised": 8, "waiting": 1, "answered": 5, "cancelled": 1, "open": 2}
    assert unaccounted(**well) == 0
    assert unaccounted(**well | {"missing": 2}) == 2
    assert unaccounted(**well | {"waiting": 0}) == 1, "stored, and nothing raised"
    assert unaccounted(**well | {"open": 1}) == 1, "closed, and nobody answered"
