"""A roster as iCalendar: what goes out comes in again, and what others write is understood or told."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest

from alerts.domain.calendar import Calendar
from alerts.domain.duty import Roster, Shift, Turn, stints
from alerts.domain.roster_calendar import read, written

CHEN, HUANG, STATION = UUID(int=1), UUID(int=2), UUID(int=9)
PEOPLE = {"陈静": CHEN, "beichan-1": CHEN, "黄志勇": HUANG, str(CHEN): CHEN, str(HUANG): HUANG}
NAMES = {CHEN: "陈静", HUANG: "黄志勇"}
BEGIN, END = datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)


def calendar(*events: str) -> bytes:
    inside = "\r\n".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT" for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//elsewhere//\r\n{inside}\r\nEND:VCALENDAR\r\n".encode()


def test_what_goes_out_comes_in_again() -> None:
    shift = Shift(UUID(int=5), "班", time(20), time(8), (CHEN, HUANG), date(2026, 1, 1), turn=Turn.DAILY)
    found = stints(Roster((shift,)), Calendar(), BEGIN, END)
    text = written(STATION, "某站（虚构）", found, NAMES, BEGIN)
    assert b"SUMMARY:" in text
    assert text == written(STATION, "某站（虚构）", found, NAMES, BEGIN), "the same events each time"
    shifts, skipped = read(text, PEOPLE, BEGIN, END)
    assert skipped == []
    on = [(one.begins_at, one.ends_at, (one.account_id,)) for one in shifts]
    assert on == [(one.begins_at, one.ends_at, one.people) for one in found if one.people]


def test_shifts_of_another_calendar_come_again_but_for_the_days_that_are_left_out() -> None:
    text = calendar(
        "UID:night\r\nSUMMARY:陈静，黄志勇\r\nDTSTART;TZID=Asia/Shanghai:20261201T200000\r\n"
        "DTEND;TZID=Asia/Shanghai:20261202T080000\r\nRRULE:FREQ=WEEKLY;UNTIL=20261216T120000Z\r\n"
        "EXDATE;TZID=Asia/Shanghai:20261208T200000",
        "UID:day\r\nATTENDEE;CN=nobody:mailto:beichan-1@example.org\r\nSUMMARY:全天\r\n"
        "DTSTART;VALUE=DATE:20261205\r\nDTEND;VALUE=DATE:20261206",
    )
    shifts, skipped = read(text, PEOPLE, BEGIN, END)
    assert skipped == []
    nights = [(one.account_id, one.begins_at.astimezone(UTC).isoformat()) for one in shifts if one.uid == "night"]
    assert nights == [(who, f"2026-12-{day}T12:00:00+00:00") for who in (CHEN, HUANG) for day in ("01", "15")]
    [whole] = [one for one in shifts if one.uid == "day"]
    assert (whole.account_id, whole.ends_at - whole.begins_at) == (CHEN, timedelta(days=1))
    assert whole.begins_at.astimezone(UTC).isoformat() == "2026-12-04T16:00:00+00:00"


@pytest.mark.parametrize("title", ["夜班 陈静", "夜班：陈静", "陈静（夜班）", "【夜班】beichan-1", "夜班 陈静、无此人"])
def test_a_title_names_the_shift_too(title: str) -> None:
    text = calendar(f"UID:n\r\nSUMMARY:{title}\r\nDTSTART:20261201T120000Z\r\nDTEND:20261202T000000Z")
    assert [one.account_id for one in read(text, PEOPLE, BEGIN, END)[0]] == [CHEN]


def test_what_is_not_understood_is_told() -> None:
    text = calendar(
        "UID:who\r\nSUMMARY:某人（虚构）\r\nDTSTART:20261201T000000Z\r\nDTEND:20261201T080000Z",
        "UID:when\r\nSUMMARY:陈静\r\nDTSTART:20261201T080000Z\r\nDTEND:20261201T000000Z",
    )
    shifts, skipped = read(text, PEOPLE, BEGIN, END)
    assert shifts == []
    assert [one.uid for one in skipped] == ["who", "when"]
    assert all(one.why for one in skipped)
    with pytest.raises(ValueError, match=r"\w"):
        read(b"not a calendar", PEOPLE, BEGIN, END)


def test_a_rule_that_never_ends_or_never_comes_ends_here() -> None:
    daily = "UID:d\r\nSUMMARY:陈静\r\nDTSTART:20200101T000000Z\r\nDTEND:20200101T080000Z\r\nRRULE:FREQ=DAILY"
    never = daily.replace("UID:d", "UID:n").replace("FREQ=DAILY", "FREQ=DAILY;INTERVAL=7;BYDAY=TH")
    thrice = daily.replace("UID:d", "UID:t").replace("2020", "2026").replace("DAILY", "WEEKLY;INTERVAL=24;COUNT=3")
    often = daily.replace("UID:d", "UID:s").replace("FREQ=DAILY", "FREQ=SECONDLY")
    shifts, skipped = read(calendar(daily, never, thrice, often), PEOPLE, BEGIN, END)
    assert (len(shifts), {one.uid for one in shifts}) == (31 + 1, {"d", "t"})
    assert [one.uid for one in skipped] == ["s"]
