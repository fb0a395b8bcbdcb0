"""Visits, medicines and commands on a real database, without processes. People and places are invented."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from alerts.commands import TooManyError, ask_device, follow_commands
from alerts.domain.alert import Actor
from alerts.domain.commands import MOST_A_MINUTE, Command
from alerts.domain.visits import MOST_OPEN, Every, Result, due_on
from alerts.medication_round import follow_taken, look_after_next, make_doses
from alerts.record_visit import Visit, WrongTimeError, record_visit
from alerts.take_in import take_in_next
from alerts.visit_dues import AFTER, raise_next_overdue, refresh_dues
from alerts.visit_rates import coverage
from tests.parts.people import Family, family_at

TODAY = (datetime.now(UTC) + timedelta(hours=8)).date()


@pytest.fixture
async def home(database_url: str) -> AsyncIterator[Family]:
    async with family_at(database_url) as family:
        yield family


async def _in_plan(home: Family, category: str = "特困") -> None:
    await home.run("UPDATE elders SET care_categories = %s WHERE id = %s", [category], home.elder)
    await refresh_dues(home.connection)


async def _alerts(home: Family, type_: str) -> list[dict[str, Any]]:
    return await home.rows("SELECT * FROM alerts WHERE type = %s ORDER BY raised_at", type_)


async def _kinds(home: Family, alert_id: UUID) -> list[str]:
    rows = await home.rows("SELECT kind FROM alert_timeline WHERE alert_id = %s ORDER BY id", alert_id)
    return [row["kind"] for row in rows]


async def _press(home: Family) -> None:
    """Waits to be taken in."""
    now = datetime.now(UTC)
    await home.run(
        "WITH stored AS (INSERT INTO events (device_id, event_id, type, ts_key, occurred_at, received_at,"
        " last_received_at, raw, elder_id, organization_id) VALUES ('band', 'e1', 'sos', 'x', %s, %s, %s, '', %s, %s)"
        " RETURNING id) INSERT INTO event_queue (event, device_id, urgent) SELECT id, 'band', true FROM stored",
        *(now, now, now, home.elder, home.station),
    )


# Visits -----------------------------------------------------------------------------------------------


async def test_sql_and_code_agree_about_what_is_due(home: Family) -> None:
    days = [date(2024, 1, 31), date(2026, 2, 28), date(2026, 11, 30), date(2026, 12, 31), date(2025, 8, 31)]
    for every in Every:
        after = AFTER.format("d", f"'{every}'")
        rows = await home.rows(f"SELECT {after} AS due FROM unnest(%s::date[]) WITH ORDINALITY AS d (d, n)", days)
        assert [row["due"] for row in rows] == [due_on(day, every) for day in days]


async def test_an_overdue_visit_is_yellow_after_every_press_and_is_answered_by_the_visit(home: Family) -> None:
    await _in_plan(home)
    [row] = await home.rows("SELECT plan, due_on, since, visited_on, alert_id FROM visit_dues")
    assert (row["plan"], row["due_on"] - row["since"]) == ("safety_net", timedelta(days=7))
    await home.run("UPDATE visit_dues SET since = since - 8, due_on = due_on - 8")
    assert await raise_next_overdue(home.connection) is False, "nobody has begun to visit"
    visitor = await home.has_caregiver("网格员王某（虚构）")
    await home.run("INSERT INTO visit_assignments (elder_id, account_id) VALUES (%s, %s)", home.elder, visitor)
    await _press(home)
    assert await raise_next_overdue(home.connection) is False, "a press goes first"
    assert await take_in_next(home.connection) is True
    assert await raise_next_overdue(home.connection) is True
    assert await raise_next_overdue(home.connection) is False, "once"
    [alert] = await _alerts(home, "visit.overdue")
    assert (alert["severity"], alert["state"], alert["elder_id"]) == ("yellow", "triggered", home.elder)
    assert alert["detail"]["plan"] == "兜底保障"
    assert await home.rows("SELECT why FROM notices WHERE account_id = %s AND why = 'visitor'", visitor)
    assert not await home.rows("SELECT FROM alert_timers WHERE alert_id = %s AND kind = 'escalate'", alert["id"])

    who = Actor(visitor, "王某（虚构）")
    with pytest.raises(WrongTimeError):
        await record_visit(
            home.connection, Visit(uuid4(), home.elder, Result.MET, datetime.now(UTC) - timedelta(days=8)), who
        )
    await record_visit(home.connection, Visit(uuid4(), home.elder, Result.NOT_MET), who)
    assert (await home.rows("SELECT visited_on FROM visit_dues"))[0]["visited_on"] is None, "nobody was met"
    visit = Visit(uuid4(), home.elder, Result.MET, findings="一切正常（虚构）")
    for _ in range(2):
        await record_visit(home.connection, visit, who)
    assert len(await home.rows("SELECT FROM visits")) == 2
    [row] = await home.rows("SELECT plan, due_on, since, visited_on, alert_id FROM visit_dues")
    today = row["visited_on"]
    assert today in (TODAY, TODAY + timedelta(days=1)), "midnight may have passed"
    assert (row["due_on"], row["alert_id"]) == (today + timedelta(days=7), None)
    assert await _kinds(home, alert["id"]) == ["raised", "recovered"]
    told = await coverage(home.connection, [home.station], today)
    [plan] = told["plans"]
    assert (plan["name"], plan["elders"], plan["overdue"], plan["nobodys"]) == ("兜底保障", 1, 0, 0)
    last = plan["periods"][-1]
    assert (last["expected"], last["visited"], last["by_telephone_alone"], last["rate"]) == (1, 1, 0, 1.0)
    assert [one["rate"] for one in told["organizations"]] == [1.0]


async def test_who_is_in_two_plans_is_in_the_stricter_and_a_nearer_plan_takes_its_place(home: Family) -> None:
    await home.run("UPDATE elders SET living_situation = '独居' WHERE id = %s", home.elder)
    await refresh_dues(home.connection)
    assert (await home.rows("SELECT plan FROM visit_dues"))[0]["plan"] == "hardship"
    await _in_plan(home)
    assert (await home.rows("SELECT plan, every FROM visit_dues"))[0] == {"plan": "safety_net", "every": "week"}
    await home.run(
        "INSERT INTO visit_plans (organization_id, key, name, groups, every, source) VALUES"
        " (%s, 'safety_net', '本站兜底', '{特困}', 'quarter', '本站约定（虚构）')",
        home.station,
    )
    await refresh_dues(home.connection)
    assert (await home.rows("SELECT plan, every FROM visit_dues"))[0] == {"plan": "hardship", "every": "month"}
    await home.run("UPDATE elders SET living_situation = NULL, care_categories = '{}' WHERE id = %s", home.elder)
    await refresh_dues(home.connection)
    assert await home.rows("SELECT plan, due_on, since, visited_on, alert_id FROM visit_dues") == []


async def test_a_station_is_not_flooded(home: Family) -> None:
    await home.run(
        "INSERT INTO elders (id, organization_id, name, care_categories)"
        " SELECT gen_random_uuid(), %s, '老人' || n, '{特困}' FROM generate_series(1, 30) AS n",
        home.station,
    )
    await refresh_dues(home.connection)
    await home.run("UPDATE visit_dues SET visited_on = due_on - 40, due_on = due_on - 33")
    raised = 0
    while await raise_next_overdue(home.connection):
        raised += 1
    assert raised == MOST_OPEN
    await home.run("UPDATE alerts SET state = 'resolved' WHERE id = (SELECT min(alert_id::text)::uuid FROM visit_dues)")
    assert await raise_next_overdue(home.connection) is True, "one is closed, another one comes"


# Medicines --------------------------------------------------------------------------------------------


async def _plan(home: Family, minutes_ago: float, *, grace: int = 30) -> datetime:
    """One that was due so long ago, of a schedule of yesterday."""
    due = (datetime.now(UTC) - timedelta(minutes=minutes_ago)).replace(second=0, microsecond=0)
    at = (due + timedelta(hours=8)).time()
    await home.run(
        "INSERT INTO medication_plans (id, elder_id, medicine, dose, times, starts_on, grace_minutes, made_at, made_by,"
        " made_by_name) VALUES (%s, %s, '氨氯地平', '1片', %s, %s, %s, %s, %s, '测试')",
        *(uuid7(), home.elder, [at], TODAY - timedelta(days=2), grace, due - timedelta(days=2), home.operator.id),
    )
    return due


async def _says_taken(home: Family, at: datetime) -> None:
    await home.run(
        "INSERT INTO events (device_id, event_id, type, ts_key, occurred_at, received_at, last_received_at, raw,"
        " elder_id, organization_id) VALUES ('band', %s, 'medication_taken', 'x', %s, %s, %s, '', %s, %s)",
        *(uuid4().hex, at, datetime.now(UTC), datetime.now(UTC), home.elder, home.station),
    )


async def _passes(home: Family, minutes: float) -> None:
    time = timedelta(minutes=minutes)
    await home.run(
        "UPDATE medication_doses SET due_at = due_at - %s, missed_at = missed_at - %s, next_at = next_at - %s",
        *(time, time, time),
    )


async def _turns(home: Family) -> int:
    done = 0
    while (turn := await look_after_next(home.connection)) is True:
        done += 1
    assert turn is False, turn
    return done


async def test_a_dose_is_reminded_of_and_taken(home: Family) -> None:
    await home.run(
        "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES ('band', 'wristband', %s, %s)",
        *(home.station, home.elder),
    )
    due = await _plan(home, 1)
    assert await make_doses(home.connection) == 1
    assert await make_doses(home.connection) == 0
    assert await _turns(home) == 1
    [command] = await home.rows("SELECT * FROM device_commands")
    assert (command["command"], command["asked_by"]) == ("remind", None)
    assert command["body"]["words"] == "请服药：氨氯地平 1片"
    await _says_taken(home, datetime.now(UTC))
    last = await follow_taken(home.connection, 0)
    assert await follow_taken(home.connection, 0) == last, "looked at again it changes nothing"
    await _turns(home)
    [dose] = await home.rows("SELECT * FROM medication_doses")
    assert (dose["state"], dose["due_at"], dose["taken_by"], dose["next_at"]) == ("taken", due, "device", None)
    assert await _alerts(home, "medication.missed") == []


async def test_a_missed_dose_is_the_familys_first_then_the_stations_and_over_when_it_is_taken(home: Family) -> None:
    caregiver = await home.has_caregiver("张女士（虚构）")
    await _plan(home, 31)
    await make_doses(home.connection)
    await _press(home)
    assert await look_after_next(home.connection) is False, "a press goes first"
    assert await take_in_next(home.connection) is True
    await _turns(home)
    [alert] = await _alerts(home, "medication.missed")
    assert (alert["severity"], alert["title"]) == ("yellow", "未按时服药")
    assert await home.rows("SELECT account_id, why FROM notices WHERE alert_id = %s", alert["id"]) == [
        {"account_id": caregiver, "why": "caregiver"}
    ]
    assert await home.rows("SELECT * FROM alert_routes WHERE alert_id = %s", alert["id"]) == [], "no screen yet"
    await _passes(home, 15)
    await _turns(home)
    assert len(await home.rows("SELECT * FROM alert_routes WHERE alert_id = %s", alert["id"])) == 1
    assert await _kinds(home, alert["id"]) == ["raised", "to_station"]
    await _says_taken(home, datetime.now(UTC))
    await follow_taken(home.connection, 0)
    await _turns(home)
    [alert] = await _alerts(home, "medication.missed")
    assert alert["state"] == "cancelled"
    assert await _kinds(home, alert["id"]) == ["raised", "to_station", "recovered", "cancelled"]


async def test_without_a_family_that_may_know_it_is_the_stations_at_once(database_url: str) -> None:
    async with family_at(database_url, consents=False) as home:
        await home.has_caregiver("张女士（虚构）")
        await _plan(home, 40)
        await make_doses(home.connection)
        await _turns(home)
        [alert] = await _alerts(home, "medication.missed")
        assert len(await home.rows("SELECT * FROM alert_routes WHERE alert_id = %s", alert["id"])) == 1
        assert await home.rows("SELECT FROM notices WHERE why = 'caregiver'") == []


# Commands ---------------------------------------------------------------------------------------------


async def _result(connection: AsyncConnection[Any], device: str, **result: Any) -> None:
    await connection.execute(
        "INSERT INTO command_results (device_id, received_at, result) VALUES (%s, clock_timestamp(), %s)",
        (device, json.dumps(result)),
    )


async def test_results_find_their_commands_and_what_is_not_answered_is_given_up(home: Family) -> None:
    for name in ("one", "two"):
        await home.run(
            "INSERT INTO devices (device_id, kind, organization_id) VALUES (%s, 'w', %s)", name, home.station
        )

    async def states() -> dict[UUID, tuple[str, Any]]:
        rows = await home.rows("SELECT id, state, result FROM device_commands")
        return {row["id"]: (row["state"], row["result"]) for row in rows}

    ask = [await ask_device(home.connection, "one", Command.RING, {}, home.operator) for _ in range(3)]
    await home.run("UPDATE device_commands SET state = 'sent', sent_at = now()")
    await _result(home.connection, "two", command_id=str(ask[0]), status="done")
    await _result(home.connection, "one", command_id="c-17", command="ring", status="done")
    await follow_commands(home.connection)
    assert {state for state, _ in (await states()).values()} == {"sent"}, "another device's, another platform's"
    await _result(home.connection, "one", command_id=str(ask[0]), status="done", battery=80)
    await _result(home.connection, "one", command="ring", status="unsupported")
    await follow_commands(home.connection)
    found = await states()
    assert (found[ask[0]][0], found[ask[0]][1]["battery"]) == ("done", 80)
    assert (found[ask[2]][0], found[ask[1]][0]) == ("unsupported", "sent"), "the last one of its name"
    await home.run("UPDATE device_commands SET expires_at = now() - interval '1 second'")
    await follow_commands(home.connection)
    assert (await states())[ask[1]][0] == "unanswered"
    await _result(home.connection, "one", command_id=str(ask[1]), status="done")
    await follow_commands(home.connection)
    assert (await states())[ask[1]][0] == "done", "late, and kept"
    for _ in range(MOST_A_MINUTE - len(ask)):
        await ask_device(home.connection, "one", Command.RING, {}, home.operator)
    with pytest.raises(TooManyError):
        await ask_device(home.connection, "one", Command.RING, {}, home.operator)


# Beds -------------------------------------------------------------------------------------------------


async def test_an_alert_says_the_bed(home: Family) -> None:
    await home.run("UPDATE elders SET address = '某路 1 号（虚构）' WHERE id = %s", home.elder)
    await home.run(
        "INSERT INTO beds (id, organization_id, building, room, bed, elder_id)"
        " VALUES (%s, %s, '康乐楼', '301', '2', %s)",
        *(uuid7(), home.station, home.elder),
    )
    await _press(home)
    assert await take_in_next(home.connection) is True
    [alert] = await _alerts(home, "sos")
    assert alert["place"] == "某路 1 号（虚构） 康乐楼 301室 2床"
    await home.run("UPDATE beds SET elder_id = NULL")
    assert await home.rows("SELECT FROM elders WHERE bed IS NOT NULL") == []
