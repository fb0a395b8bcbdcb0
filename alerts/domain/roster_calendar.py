"""A roster as iCalendar (RFC 5545), and back. Pure.

Out: a VEVENT for each time in which the same people are on shift. In: each VEVENT, and each time it comes again, is a
shift of the people whom it names, as attendees or in its summary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Any, Final
from uuid import UUID

from dateutil.rrule import rrulestr
from icalendar import Calendar as ICalendar
from icalendar import Event as VEvent
from icalendar import vCalAddress, vText

from alerts.domain.calendar import BEIJING
from alerts.domain.duty import Stint

MOST_TIMES: Final = 2000
_SEPARATORS: Final = str.maketrans(dict.fromkeys("，,;；／/+＋", "、"))


@dataclass(frozen=True, slots=True)
class Imported:
    """A time in which somebody is on shift."""

    uid: str
    account_id: UUID
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Skipped:
    """An event that could not be taken, and why: in Chinese."""

    uid: str
    summary: str
    why: str


def written(
    organization_id: UUID, name: str, stints: Sequence[Stint], names: Mapping[UUID, str], now: datetime
) -> bytes:
    """The calendar of an organisation's shifts, for subscribing to."""
    calendar = ICalendar()
    calendar.add("prodid", "-//Anhu//duty//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{name} 值班表")
    for stint in stints:
        if not stint.people:
            continue
        event = VEvent()
        event.add("uid", f"{stint.begins_at.timestamp():.0f}.{organization_id}@duty.anhu")
        event.add("dtstamp", now)
        event.add("dtstart", stint.begins_at.astimezone(now.tzinfo))
        event.add("dtend", stint.ends_at.astimezone(now.tzinfo))
        event.add("summary", "、".join(names.get(one, "（已离职）") for one in stint.people))
        for one in stint.people:
            attendee = vCalAddress(f"urn:uuid:{one}")
            attendee.params["cn"] = vText(names.get(one, ""))
            event.add("attendee", attendee, encode=False)
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def read(
    text: bytes, people: Mapping[str, UUID], begin: datetime, end: datetime
) -> tuple[list[Imported], list[Skipped]]:
    """The shifts between two moments. `people`: accounts by name, by user name and by id. Raises ValueError for what is
    no calendar."""
    found: list[Imported] = []
    skipped: list[Skipped] = []
    for event in ICalendar.from_ical(text).walk("VEVENT"):
        uid, summary = str(event.get("uid") or ""), str(event.get("summary") or "")
        who = list(dict.fromkeys(_who(event, people)))
        try:
            times = list(_times(event, begin, end))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            skipped.append(Skipped(uid, summary, f"时间读不出来：{error}"))
            continue
        if not who:
            skipped.append(Skipped(uid, summary, "标题或参加人里没有本机构认识的账号（姓名或用户名）"))
        found += [Imported(uid or summary, one, *time) for one in who for time in times]
    return found, skipped


def _who(event: Any, people: Mapping[str, UUID]) -> Iterator[UUID]:
    attendees = event.get("attendee") or []
    for attendee in attendees if isinstance(attendees, list) else [attendees]:
        address = str(attendee).partition(":")[2].removeprefix("uuid:")
        for name in (address, address.partition("@")[0], str(attendee.params.get("CN", ""))):
            if name in people:
                yield people[name]
                break
    if not attendees:
        for name in str(event.get("summary") or "").translate(_SEPARATORS).split("、"):
            if name.strip() in people:
                yield people[name.strip()]


def _times(event: Any, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Each time that it comes, those that matter."""
    starts = _moment(event.decoded("dtstart"))
    if "dtend" in event:
        lasts = _moment(event.decoded("dtend")) - starts
    else:
        lasts = event.decoded("duration") if "duration" in event else timedelta(days=1)
    if lasts <= timedelta(0):
        raise ValueError("结束不晚于开始")
    rule = event.get("rrule")
    if rule is None:
        if starts < end and starts + lasts > begin:
            yield starts, starts + lasts
        return
    excluded = event.get("exdate") or []
    not_at = {
        _moment(each.dt) for dates in (excluded if isinstance(excluded, list) else [excluded]) for each in dates.dts
    }
    local = starts.astimezone(BEIJING)
    text = rule.to_ical().decode()
    # dateutil wants UNTIL and DTSTART alike: both are read in Beijing's time, without a zone.
    times = rrulestr(_until_local(text), dtstart=local.replace(tzinfo=None))
    last = end.astimezone(BEIJING).replace(tzinfo=None)
    for number, each in enumerate(takewhile(lambda at: at < last, times)):
        if number >= MOST_TIMES:
            break
        at = each.replace(tzinfo=BEIJING)
        if at not in not_at and at + lasts > begin:
            yield at, at + lasts


def _until_local(rule: str) -> str:
    parts = []
    for part in rule.split(";"):
        name, _, value = part.partition("=")
        if name == "UNTIL" and value.endswith("Z"):
            at = datetime.strptime(value, "%Y%m%dT%H%M%S%z").astimezone(BEIJING)
            parts.append(f"UNTIL={at:%Y%m%dT%H%M%S}")
        else:
            parts.append(part)
    return ";".join(parts)


def _moment(value: date | datetime) -> datetime:
    """A day begins at midnight in Beijing, and a time without a zone is Beijing's."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001
    return value if value.tzinfo else value.replace(tzinfo=BEIJING)
