"""Duty rosters: who is on shift, shifts, what is different from them, gaps, iCalendar; and the calendar of days."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Response
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts.change_roster import end_change, end_shift, make_change, make_shift, merge_calendar, people_for, say_day
from alerts.domain.alert import Actor
from alerts.domain.calendar import Calendar, DayKind, at_beijing, clock_of, days_between, in_beijing
from alerts.domain.duty import FURTHEST, ChangeKind, DutyChange, Roster, Shift, Stint, Turn, gaps, on_duty, stints
from alerts.domain.roster_calendar import read, written
from alerts.domain.rules.check import Flaw
from alerts.rosters import load_calendar, load_rosters
from services.api import duty_schemas as shapes
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.duty_schemas import Day, Moment
from services.api.problems import ProblemError, not_found, responses
from services.api.routes.escalation import ORGANIZATION, names_of, organization_of
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(tags=["duty"])

MONTH = timedelta(days=31)
#: For how long another calendar's shifts are taken ahead.
IMPORT_AHEAD = timedelta(days=366)

_REACHED = f"{ORGANIZATION} AND (%(only)s::uuid IS NULL OR o.id = %(only)s) ORDER BY o.path"
_SHIFTS = """
SELECT s.*, s.made_by_name FROM duty_shifts s WHERE s.organization_id = %s AND s.ended_at IS NULL
  AND (s.last_day IS NULL OR s.last_day >= %s) ORDER BY s.begins, s.id
"""
_CHANGES = """
SELECT c.*, c.made_by_name FROM duty_changes c WHERE c.organization_id = %s AND c.ended_at IS NULL
  AND c.ends_at > %s AND c.begins_at < %s ORDER BY c.begins_at, c.id
"""
_WATCH = """
SELECT w.organization_id, w.expected, w.unwatched_since, w.why FROM station_watch w WHERE w.organization_id = ANY(%s)
"""
_SCREENS = """
SELECT organization_id, count(*) FROM station_screens
WHERE organization_id = ANY(%s) AND closed_at IS NULL AND watching
  AND alive_at > clock_timestamp() - interval '25 seconds'
GROUP BY organization_id
"""


def _administrator(caller: SignedIn, address: Address) -> Actor:
    return Actor(caller.account_id, caller.name, address)


Administrator = Annotated[Actor, Depends(_administrator)]
Begin = Annotated[Moment | None, Query(description="today's midnight in Beijing when absent")]
End = Annotated[Moment | None, Query(description="31 days later when absent; at most 400")]


@router.get("/duty/now", responses=responses(401, 403, 422))
async def duty_now(
    connection: DatabaseConnection,
    caller: SignedIn,
    organization_id: Annotated[UUID | None, Query(description="this one alone")] = None,
) -> shapes.OnDutyList:
    """Who is on shift and who watches, in each organisation within reach that has a roster or is watched."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_REACHED, caller.parameters | {"only": organization_id})).fetchall()
        ids = [row["id"] for row in rows]
        watches = {row["organization_id"]: row for row in await (await cursor.execute(_WATCH, (ids,))).fetchall()}
    screens = dict(await (await connection.execute(_SCREENS, (ids,))).fetchall())
    now = datetime.now(UTC)
    calendar = await load_calendar(connection)
    rosters = await load_rosters(connection, ids, now, now + MONTH)
    names = await names_of(connection, "accounts", _everybody(rosters.values()))
    items = []
    for row in rows:
        roster, watch = rosters.get(row["id"], Roster()), watches.get(row["id"])
        if not (roster or watch or screens.get(row["id"])):
            continue
        ahead = stints(roster, calendar, now, now + timedelta(days=7)) if roster else []
        missing = [one for one in gaps(roster, calendar, now, now + MONTH) if one.begins_at > now]
        items.append(
            {
                "organization": {"id": row["id"], "name": row["name"]},
                "has_roster": bool(roster),
                "people": _named(on_duty(roster, calendar, now), names) if roster else [],
                "until": ahead[0].ends_at if len(ahead) > 1 else None,
                "next_gap": _gap(missing[0]) if missing else None,
                "screens": screens.get(row["id"], 0),
                "expected": bool(watch and watch["expected"]),
                "unwatched_since": watch["unwatched_since"] if watch else None,
                "why": watch["why"] if watch else None,
            }
        )
    return shapes.OnDutyList.model_validate({"items": items})


@router.get("/organizations/{organization_id}/duty", responses=responses(401, 403, 404, 422))
async def duty(
    connection: DatabaseConnection, caller: SignedIn, organization_id: str, begin: Begin = None, end: End = None
) -> shapes.Duty:
    """Its roster, who is on shift when, and when nobody is: shown before it happens."""
    row = await organization_of(connection, caller, organization_id)
    begins_at, ends_at = _span(begin, end)
    now = datetime.now(UTC)
    calendar = await load_calendar(connection)
    rosters = await load_rosters(connection, [row["id"]], min(begins_at, now), max(ends_at, now))
    roster = rosters.get(row["id"], Roster())
    async with connection.cursor(row_factory=dict_row) as cursor:
        today = in_beijing(begins_at).date() - timedelta(days=1)
        shifts = await (await cursor.execute(_SHIFTS, (row["id"], today))).fetchall()
        changes = await (await cursor.execute(_CHANGES, (row["id"], begins_at, ends_at))).fetchall()
    names = await names_of(connection, "accounts", _everybody([roster]))
    return shapes.Duty.model_validate(
        {
            "organization": {"id": row["id"], "name": row["name"]},
            "begins_at": begins_at,
            "ends_at": ends_at,
            "has_roster": bool(roster),
            "now": _named(on_duty(roster, calendar, now), names),
            "shifts": [_shift(one, names) for one in shifts],
            "changes": [_change(one, names) for one in changes],
            "stints": [_stint(one, names) for one in stints(roster, calendar, begins_at, ends_at)] if roster else [],
            "gaps": [_gap(one) for one in gaps(roster, calendar, begins_at, ends_at)],
            "days": _days(calendar, in_beijing(begins_at).date(), in_beijing(ends_at).date()),
        }
    )


@router.get("/organizations/{organization_id}/duty/people", responses=responses(401, 403, 404))
async def duty_people(connection: DatabaseConnection, caller: SignedIn, organization_id: str) -> shapes.Roster:
    """Who may be on its roster: its people, and those of the organisations above and below."""
    row = await organization_of(connection, caller, organization_id)
    return shapes.Roster.model_validate(
        {
            "items": [
                {"id": one.id, "username": one.username, "name": one.name, "role": one.role}
                for one in await people_for(connection, row["id"])
            ]
        }
    )


@router.post("/organizations/{organization_id}/duty/shifts", status_code=201, responses=responses(401, 403, 404, 422))
async def new_shift(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Administrator,
    organization_id: str,
    new: shapes.NewShift,
) -> shapes.Duty:
    """A shift that comes again. One that is to be otherwise is ended and made anew."""
    row = await organization_of(connection, caller, organization_id)
    shift = Shift(
        uuid7(),
        new.name,
        clock_of(new.begins),
        clock_of(new.ends),
        tuple(dict.fromkeys(new.people)),
        new.first_day,
        new.last_day,
        frozenset(DayKind(one) for one in new.days),
        frozenset(new.weekdays),
        Turn(new.turn),
    )
    _told(await make_shift(connection, row["id"], shift, actor), "Not a shift")
    return await duty(connection, caller, organization_id)


@router.post("/organizations/{organization_id}/duty/shifts/{shift_id}/end", responses=responses(401, 403, 404))
async def ended_shift(
    connection: DatabaseConnection, caller: SignedIn, actor: Administrator, organization_id: str, shift_id: str
) -> shapes.Duty:
    row = await organization_of(connection, caller, organization_id)
    if not await end_shift(connection, row["id"], id_of(shift_id), actor):
        raise not_found()
    return await duty(connection, caller, organization_id)


@router.post("/organizations/{organization_id}/duty/changes", status_code=201, responses=responses(401, 403, 404, 422))
async def new_change(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Administrator,
    organization_id: str,
    new: shapes.NewDutyChange,
) -> shapes.Duty:
    """请假, 换班, 加班."""
    row = await organization_of(connection, caller, organization_id)
    change = DutyChange(uuid7(), ChangeKind(new.kind), new.account_id, new.begins_at, new.ends_at, new.other_id)
    _told(await make_change(connection, row["id"], change, new.note, actor), "Not a change of duty")
    return await duty(connection, caller, organization_id)


@router.post("/organizations/{organization_id}/duty/changes/{change_id}/end", responses=responses(401, 403, 404))
async def ended_change(
    connection: DatabaseConnection, caller: SignedIn, actor: Administrator, organization_id: str, change_id: str
) -> shapes.Duty:
    """Takes it back."""
    row = await organization_of(connection, caller, organization_id)
    if not await end_change(connection, row["id"], id_of(change_id), actor):
        raise not_found()
    return await duty(connection, caller, organization_id)


@router.get(
    "/organizations/{organization_id}/duty/calendar.ics",
    response_class=Response,
    responses=responses(401, 403, 404, 422) | {200: {"description": "iCalendar", "content": {"text/calendar": {}}}},
)
async def calendar_out(
    connection: DatabaseConnection, caller: SignedIn, organization_id: str, begin: Begin = None, end: End = None
) -> Response:
    """Its shifts as iCalendar, 31 days of them unless it is said otherwise."""
    row = await organization_of(connection, caller, organization_id)
    begins_at, ends_at = _span(begin, end)
    rosters = await load_rosters(connection, [row["id"]], begins_at, ends_at)
    roster = rosters.get(row["id"], Roster())
    people = await names_of(connection, "accounts", _everybody([roster]))
    names = {one: str(person["name"]) for one, person in people.items()}
    found = stints(roster, await load_calendar(connection), begins_at, ends_at) if roster else []
    text = written(row["id"], row["name"], found, names, datetime.now(UTC))
    headers = {"content-disposition": 'attachment; filename="duty.ics"'}
    return Response(text, media_type="text/calendar", headers=headers)


@router.post("/organizations/{organization_id}/duty/calendar.ics", responses=responses(401, 403, 404, 422))
async def calendar_in(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Administrator,
    organization_id: str,
    text: Annotated[bytes, Body(media_type="text/calendar")],
) -> shapes.ImportedCalendar:
    """Shifts of another calendar for a year ahead, as extra shifts. What was imported before and is no more in it
    ends; shifts made here stay. People are known by name or user name, as attendees or in the summary;
    by a name that two have, nobody."""
    row = await organization_of(connection, caller, organization_id)
    people = await people_for(connection, row["id"])
    # Of two of the same name nobody can tell which is meant: such an event is told, and taken for neither's.
    names = Counter(one.name for one in people)
    known = {one.name: one.id for one in people if names[one.name] == 1}
    known |= {key: one.id for one in people for key in (one.username, str(one.id))}
    begin = datetime.now(UTC)
    try:
        # A thread: a calendar of years takes its time, and no screen waits for it.
        found, skipped = await asyncio.to_thread(read, text, known, begin, begin + IMPORT_AHEAD)
    except ValueError as error:
        raise ProblemError(422, f"这不是 iCalendar 日历文件：{str(error)[:200]}", title="Not a calendar") from None
    merged = await merge_calendar(connection, row["id"], found, begin, begin + IMPORT_AHEAD, actor)
    return shapes.ImportedCalendar.model_validate(
        {
            "added": merged.added,
            "kept": merged.kept,
            "ended": merged.ended,
            "skipped": [{"uid": one.uid, "summary": one.summary, "why": one.why} for one in skipped],
        }
    )


@router.get("/calendar/days", responses=responses(401, 422), tags=["duty"])
async def calendar_days(
    connection: DatabaseConnection, _caller: SignedIn, first: Day | None = None, last: Day | None = None
) -> shapes.CalendarDays:
    """The days that are no ordinary day of their week: holidays, days worked for them, and what somebody has said."""
    begin = first or in_beijing(datetime.now(UTC)).date()
    until = min(last or begin + timedelta(days=365), begin + FURTHEST)
    return shapes.CalendarDays.model_validate({"items": _days(await load_calendar(connection), begin, until)})


@router.put("/calendar/days/{day}", responses=responses(401, 403, 422))
async def said_day(
    connection: DatabaseConnection, caller: SignedIn, actor: Administrator, day: Day, said: shapes.NewCalendarDay
) -> shapes.CalendarDays:
    """Says what kind of day it is, whatever the statutory calendar has: for a year that it does not know yet, or a
    place that does otherwise. Administrators of the root alone."""
    await _only_root(connection, caller)
    await say_day(connection, day, said.kind, said.name, actor)
    return await calendar_days(connection, caller, day, day)


@router.delete("/calendar/days/{day}", responses=responses(401, 403, 422))
async def unsaid_day(
    connection: DatabaseConnection, caller: SignedIn, actor: Administrator, day: Day
) -> shapes.CalendarDays:
    """Takes back what was said of a day."""
    await _only_root(connection, caller)
    await say_day(connection, day, None, None, actor)
    return await calendar_days(connection, caller, day, day)


async def _only_root(connection: Connection, caller: Caller) -> None:
    found = await connection.execute(
        "SELECT 1 FROM organizations WHERE parent_id IS NULL AND id = ANY(%s)", (list(caller.organizations),)
    )
    if await found.fetchone() is None:
        raise ProblemError(403, "节假日对所有机构有效，只有最高一级的管理员可以修改")


def _span(begin: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    begins_at = begin or at_beijing(in_beijing(datetime.now(UTC)).date(), clock_of("00:00"))
    ends_at = end or begins_at + MONTH
    if not timedelta(0) < ends_at - begins_at <= FURTHEST:
        raise ProblemError(422, f"结束时间应晚于开始时间，最多 {FURTHEST.days} 天", title="Invalid span")
    return begins_at.astimezone(UTC), ends_at.astimezone(UTC)


def _told(done: UUID | Sequence[Flaw], title: str) -> None:
    if not isinstance(done, UUID):
        flaws = [{"where": flaw.where, "what": flaw.what} for flaw in done]
        raise ProblemError(422, "；".join(flaw.what for flaw in done), title=title, flaws=flaws)


def _everybody(rosters: Any) -> set[UUID]:
    found: set[UUID] = set()
    for roster in rosters:
        found |= {one for shift in roster.shifts for one in shift.people}
        found |= {one for change in roster.changes for one in (change.account_id, change.other_id) if one is not None}
    return found


def _named(people: Sequence[UUID], names: dict[UUID, dict[str, Any]]) -> list[dict[str, Any]]:
    return [names[one] for one in people if one in names]


def _shift(row: dict[str, Any], names: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    clocks = {"begins": row["begins"].isoformat("minutes"), "ends": row["ends"].isoformat("minutes")}
    return row | clocks | {"people": _named(row["people"], names), "made_by": row["made_by_name"]}


def _change(row: dict[str, Any], names: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    return row | {
        "account": names[row["account_id"]],
        "other": names[row["other_id"]] if row["other_id"] else None,
        "imported": row["uid"] is not None,
        "made_by": row["made_by_name"],
    }


def _stint(one: Stint, names: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    return _gap(one) | {"people": _named(one.people, names)}


def _gap(one: Stint) -> dict[str, Any]:
    return {"begins_at": one.begins_at, "ends_at": one.ends_at}


def _days(calendar: Calendar, first: date, last: date) -> list[dict[str, Any]]:
    found = []
    for day in days_between(first, last):
        one = calendar.day(day)
        if one.name or day in calendar.said or one.kind is DayKind.HOLIDAY:
            found.append(
                {"day": day, "kind": one.kind.value, "name": one.name, "known": one.known, "said": day in calendar.said}
            )
    return found
