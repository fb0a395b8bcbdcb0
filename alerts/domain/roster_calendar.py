"""A roster as iCalendar (RFC 5545), and back. Pure.

Out: a VEVENT for each time in which the same people are on shift. In: each VEVENT, and each time it comes again, is a
shift of the people whom it names, as attendees or in its summary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.domain.calendar import BEIJING
from alerts.domain.duty import Stint

_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SEPARATORS: Final = str.maketrans(dict.fromkeys("，,;；／/+＋", "、"))
#: Between a shift's own name and whoever has it: 夜班 陈静, 夜班：陈静, 陈静（夜班）. User names have - and . in them.
_WITHIN: Final = str.maketrans(dict.fromkeys(":：()（）|｜·【】[]", " "))


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
    # Here, and not above: whoever starts is at work sooner without it.
    from icalendar import Calendar, Event, vCalAddress, vText

    calendar = Calendar()
    calendar.add("prodid", "-//Anhu//duty//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{name} 值班表")
    for stint in stints:
        if not stint.people:
            continue
        event = Event()
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
    from icalendar import Calendar

    found: list[Imported] = []
    skipped: list[Skipped] = []
    for event in Calendar.from_ical(text).walk("VEVENT"):
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
        for part in str(event.get("summary") or "").translate(_SEPARATORS).split("、"):
            for name in (part.strip(), *part.translate(_WITHIN).split()):
                if name in people:
                    yield people[name]


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
    comes = _Again(rule.to_ical().decode(), starts.astimezone(BEIJING))
    for at in comes.until(end.astimezone(BEIJING)):
        if at not in not_at and at + lasts > begin:
            yield at, at + lasts


class _Again:
    """How shifts come again: by days or weeks. Day by day from the first, so that what never comes is not sought for
    ever, as a general expansion of RRULE would."""

    def __init__(self, rule: str, first: datetime) -> None:
        parts = dict(part.partition("=")[::2] for part in rule.split(";"))
        unknown = set(parts) - {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}
        if parts.get("FREQ") not in ("DAILY", "WEEKLY") or unknown or parts.get("WKST", "MO") not in ("MO", "SU"):
            raise ValueError("只认按天或按周重复的班次")
        self._first, self._weekly = first, parts["FREQ"] == "WEEKLY"
        self._interval = max(1, int(parts.get("INTERVAL", "1")))
        self._count = int(parts["COUNT"]) if "COUNT" in parts else None
        self._until = _until(parts["UNTIL"]) if "UNTIL" in parts else None
        on = [_WEEKDAYS.index(day) for day in parts["BYDAY"].split(",")] if "BYDAY" in parts else []
        self._on = set(on) or ({first.weekday()} if self._weekly else set(range(7)))

    def until(self, end: datetime) -> Iterator[datetime]:
        came = 0
        monday = self._first.date() - timedelta(days=self._first.weekday())
        for number in range(max(0, (end.date() - self._first.date()).days) + 1):
            at = self._first + timedelta(days=number)
            periods = (at.date() - monday).days // 7 if self._weekly else number
            if periods % self._interval or at.weekday() not in self._on:
                continue
            came += 1
            past = (self._count is not None and came > self._count) or (self._until is not None and at > self._until)
            if at >= end or past:
                return
            yield at


def _until(text: str) -> datetime:
    """A day means its end; a time without a zone is Beijing's."""
    if len(text) == len("20261216"):
        text += "T235959"
    at = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
    return at.replace(tzinfo=UTC if text.endswith("Z") else BEIJING)


def _moment(value: date | datetime) -> datetime:
    """A day begins at midnight in Beijing, and a time without a zone is Beijing's."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001
    return value if value.tzinfo else value.replace(tzinfo=BEIJING)
