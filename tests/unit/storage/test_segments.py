"""Which stored rows answer a question about buckets: nothing is left out, nothing counts twice."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.storage.retention import ended_days, ended_months, raw_cut, rollup_cut
from services.storage.rollups import WIDTHS, Extent, Segment, bucket_of, segments, utc_day_of

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
RAW_FROM = datetime(2026, 3, 1, tzinfo=UTC)
ROLLED_UNTIL = datetime(2026, 3, 20, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+00:00")


def told(found: list[Segment]) -> list[tuple[str, str, str]]:
    return [(one.source, f"{one.start:%m-%d %H:%M:%S}", f"{one.end:%m-%d %H:%M:%S}") for one in found]


def extent(*late: str) -> Extent:
    return Extent(ROLLED_UNTIL, RAW_FROM, tuple(at(hour) for hour in late))


def test_a_year_of_hours_is_the_roll_up_and_its_newest_end_is_raw() -> None:
    assert told(segments(at("01-01T00:00"), at("03-21T09:30"), "1h", extent())) == [
        ("1h", "01-01 00:00:00", "03-20 00:00:00"),
        ("raw", "03-20 00:00:00", "03-21 09:30:00"),
    ]


def test_a_day_is_beijings_and_its_pieces_are_hours_and_readings() -> None:
    assert told(segments(at("03-10T10:30"), at("03-20T18:00"), "1d", extent("03-12T03:00"))) == [
        ("raw", "03-10 10:30:00", "03-10 11:00:00"),
        ("1h", "03-10 11:00:00", "03-10 16:00:00"),
        ("1d", "03-10 16:00:00", "03-11 16:00:00"),
        ("1h", "03-11 16:00:00", "03-12 03:00:00"),
        ("raw", "03-12 03:00:00", "03-12 04:00:00"),
        ("1h", "03-12 04:00:00", "03-12 16:00:00"),
        ("1d", "03-12 16:00:00", "03-19 16:00:00"),
        ("1h", "03-19 16:00:00", "03-20 00:00:00"),
        ("raw", "03-20 00:00:00", "03-20 18:00:00"),
    ]


def test_where_raw_readings_are_dropped_a_cut_bucket_counts_whole() -> None:
    assert told(segments(at("02-10T10:30"), at("02-12T10:30"), "1h", extent("02-11T00:00"))) == [
        ("1h", "02-10 10:00:00", "02-12 11:00:00")
    ]
    assert told(segments(at("02-10T10:30"), at("02-12T10:30"), "1d", extent())) == [
        ("1d", "02-09 16:00:00", "02-12 16:00:00")
    ]


def test_whole_days_that_are_told_are_taken_unless_an_hour_of_them_is_late() -> None:
    there = Extent(ROLLED_UNTIL, RAW_FROM, (at("03-12T03:00"),), at("03-05T00:00"), at("03-19T00:00"))
    assert told(segments(at("03-02T10:30"), at("03-20T18:00"), "1h", there)) == [
        ("raw", "03-02 10:30:00", "03-02 11:00:00"),
        ("1h", "03-02 11:00:00", "03-05 00:00:00"),
        ("told", "03-05 00:00:00", "03-12 00:00:00"),
        ("1h", "03-12 00:00:00", "03-12 03:00:00"),
        ("raw", "03-12 03:00:00", "03-12 04:00:00"),
        ("1h", "03-12 04:00:00", "03-13 00:00:00"),
        ("told", "03-13 00:00:00", "03-19 00:00:00"),
        ("1h", "03-19 00:00:00", "03-20 00:00:00"),
        ("raw", "03-20 00:00:00", "03-20 18:00:00"),
    ]
    assert "told" not in {one.source for one in segments(at("03-07T00:01"), at("03-08T23:59"), "1h", there)}
    assert "told" not in {one.source for one in segments(at("03-06T00:00"), at("03-09T00:00"), "1m", there)}
    assert "told" not in {one.source for one in segments(at("03-06T00:00"), at("03-09T00:00"), "1d", there)}


def test_many_late_hours_are_one_stretch_of_readings() -> None:
    late = [f"03-{day:02}T05:00" for day in range(3, 15)]
    assert told(segments(at("03-02T00:00"), at("03-19T00:00"), "1m", extent(*late))) == [
        ("1m", "03-02 00:00:00", "03-03 05:00:00"),
        ("raw", "03-03 05:00:00", "03-14 06:00:00"),
        ("1m", "03-14 06:00:00", "03-19 00:00:00"),
    ]


INSTANTS = st.integers(0, 33 * 24 * 3600).map(lambda seconds: RAW_FROM - 9 * DAY + timedelta(seconds=seconds))
SPANS = st.integers(1, 40 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))
LATE = st.lists(st.integers(-50, 500).map(lambda hours: RAW_FROM + hours * HOUR), max_size=14, unique=True)


DAYS = st.integers(-5, 25).map(lambda days: RAW_FROM + days * DAY)


@given(INSTANTS, SPANS, st.sampled_from(["1m", "1h", "1d"]), LATE, DAYS, DAYS)
def test_segments_cover_the_question_once_and_only_with_what_is_there(
    since: datetime, span: timedelta, width: Any, late: list[datetime], told_from: datetime, told_until: datetime
) -> None:
    until = since + span
    found = segments(since, until, width, Extent(ROLLED_UNTIL, RAW_FROM, tuple(late), told_from, told_until))
    assert all(one.start < one.end for one in found)
    assert all(one.end == other.start for one, other in pairwise(found)), "no gap, nothing twice"
    if bucket_of(since, width) >= RAW_FROM:
        assert (found[0].start, found[-1].end) == (since, until), "what is cut is cut exactly"
    else:
        assert found[0].start == bucket_of(since, width)
    behind = [hour for hour in late if RAW_FROM <= hour < ROLLED_UNTIL]
    for one in found:
        if one.source == "raw":
            assert one.start >= RAW_FROM, "raw readings are there"
        else:
            assert one.end <= ROLLED_UNTIL, "roll-ups are there"
            if one.source == "told":
                assert width == "1h"
                assert told_from <= one.start < one.end <= told_until
                assert (one.start, one.end) == (utc_day_of(one.start), utc_day_of(one.end))
            else:
                assert (one.start, one.end) == (bucket_of(one.start, one.source), bucket_of(one.end, one.source))
                assert WIDTHS[one.source] <= WIDTHS[width]
            assert not [hour for hour in behind if one.start < hour + HOUR and hour < one.end], "none of it is behind"


def test_raw_readings_go_by_days_and_the_newest_never() -> None:
    now = at("03-20T10:00")
    assert raw_cut(now, timedelta(days=10)) == at("03-10T00:00")
    assert raw_cut(now, timedelta(hours=1)) == at("03-17T00:00")
    assert raw_cut(now, None) is None
    names = ["readings_20260308", "readings_20260309", "readings_20260310", "readings_default", "readings_1m_202603"]
    assert ended_days(names, at("03-10T00:00")) == names[:2]


def test_roll_ups_go_by_months_and_never_before_the_readings_they_are_made_of() -> None:
    now = at("03-20T10:00")
    assert rollup_cut(now, timedelta(days=20), at("01-15T00:00")) == at("01-13T00:00")
    assert rollup_cut(now, timedelta(days=70), at("03-15T00:00")) == now - timedelta(days=70)
    assert rollup_cut(now, None, at("03-15T00:00")) is None
    names = ["readings_1h_202512", "readings_1h_202601", "readings_1h_202602", "readings_20251201"]
    assert ended_months(names, at("02-01T00:00")) == names[:2]
    assert ended_months(names, at("01-31T23:59")) == names[:1]


@pytest.mark.parametrize("width", ["1m", "1h", "1d"])
def test_a_bucket_begins_where_postgres_says(width: Any) -> None:
    assert bucket_of(at("03-10T15:59:59.999999"), width) < at("03-10T16:00") == bucket_of(at("03-10T16:00"), width)
    assert utc_day_of(datetime.fromisoformat("2026-03-11T07:59:00+08:00")) == at("03-10T00:00")
