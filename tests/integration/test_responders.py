"""Who is near is asked, one of them goes, and the station where the elder is is asked too: on a real database."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection

from alerts.answer import answer_task, asked_by
from alerts.ask import Asked, ask_responders
from alerts.domain.alert import Alert, Refusal
from alerts.domain.tasks import Answer
from alerts.domain.transitions import Acknowledge, Resolve
from alerts.move import move_alert
from alerts.nearby import Failure, ask_above_there, ask_station_there, tell_that_it_is_over
from alerts.responders import asked_of, nearest_able
from tests.parts.street import CHENGDU, HOME, Street, street_at


@pytest.fixture
async def street(database_url: str) -> AsyncIterator[Street]:
    async with street_at(database_url) as street:
        yield street


async def asks(street: Street, alert_id: UUID, limit: int, *skills: str) -> list[UUID]:
    asked = await ask_responders(street.connection, alert_id, street.operator, limit, skills)
    assert isinstance(asked, Asked)
    return [one.account_id for one in asked.chosen]


async def answers(street: Street, notice_id: UUID, answer: str, note: str | None = None) -> Alert | Refusal:
    asked = await asked_by(street.connection, notice_id, "10.0.0.9")
    assert asked is not None
    return await answer_task(street.connection, asked, Answer(answer), note)


async def acknowledged(street: Street, alert_id: UUID) -> Alert:
    moved = await move_alert(street.connection, alert_id, Acknowledge(), street.operator)
    assert isinstance(moved, Alert)
    return moved


async def test_the_nearest_able_are_asked_each_once(street: Street) -> None:
    far, near, aid = (
        await street.responder("远某（虚构）", 2_900),
        await street.responder("近某（虚构）", 100),
        await street.responder("医某（虚构）", 500, "急救"),
    )
    unknown, away = await street.responder("站某（虚构）", None), await street.responder("外某（虚构）", 5_000)
    gone = await street.responder("退某（虚构）", 50)
    await street.run("UPDATE responders SET ended_at = now() WHERE account_id = %s", gone)
    alert_id = await street.press()
    # The one five kilometres off is of the station itself; their place is known, and it is too far.
    assert list(await nearest_able(street.connection, alert_id, 9)) == [near, aid, far, unknown]
    assert away not in await nearest_able(street.connection, alert_id, 9)
    assert await asks(street, alert_id, 2) == [near, aid]
    assert await asks(street, alert_id, 2) == [], "the answer was lost, and it was asked again: nobody more"
    assert list(await nearest_able(street.connection, alert_id, 1)) == [far], "the policy asks others"
    assert await asks(street, alert_id, 1, "急救") == []
    assert [(row["name"], row["state"], row["metres"]) for row in await asked_of(street.connection, alert_id)] == [
        ("近某（虚构）", "asked", 100),
        ("医某（虚构）", "asked", 500),
    ]
    assert await street.timeline(alert_id) == ["raised", "asked", "asked"]
    # Somebody who is on the way to one elder is not asked to go to another.
    await answers(street, (await street.notices(alert_id))[near], "accept")
    await street.run("UPDATE alerts SET type = 'smoke' WHERE id = %s", alert_id)
    other = await street.press()
    assert other != alert_id
    assert list(await nearest_able(street.connection, other, 9)) == [aid, far, unknown]


async def test_of_twenty_who_accept_at_once_one_goes(street: Street, database_url: str) -> None:
    people = [await street.responder(f"某人{number:02}（虚构）", 10 * number) for number in range(20)]
    alert_id = await street.press()
    assert await asks(street, alert_id, 20) == people
    assert (await acknowledged(street, alert_id)).state == "acknowledged"
    notices = await street.notices(alert_id)

    async def accepts(account_id: UUID) -> Alert | Refusal:
        async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
            asked = await asked_by(connection, notices[account_id])
            assert asked is not None
            return await answer_task(connection, asked, Answer.ACCEPT)

    answered = await asyncio.gather(*(accepts(one) for one in people))
    [winner] = [person for person, one in zip(people, answered, strict=True) if isinstance(one, Alert)]
    assert all("已经前往" in one.detail for one in answered if isinstance(one, Refusal))
    assert (await street.alert(alert_id))["state"] == "dispatched"
    assert await street.timeline(alert_id) == ["raised", "asked", "acknowledged", "accepted", "dispatched"]
    told = await street.notices(alert_id, "update")
    assert set(told) == set(people) - {winner}
    again = await answers(street, notices[winner], "accept")
    assert isinstance(again, Alert)
    assert len(await street.timeline(alert_id)) == 5, "the same answer changes nothing"
    [goes] = [row for row in await asked_of(street.connection, alert_id) if row["state"] != "asked"]
    assert (goes["id"], goes["state"]) == (winner, "accepted")
    receipt = await street.rows("SELECT message ->> 'message' AS said FROM outbox ORDER BY id DESC LIMIT 1")
    assert goes["name"] in receipt[0]["said"]


async def test_a_neighbour_goes_at_once_and_the_alarm_sounds_on_until_a_station_answers(street: Street) -> None:
    first, second = await street.responder("甲某（虚构）", 100), await street.responder("乙某（虚构）", 200)
    alert_id = await street.press()
    await asks(street, alert_id, 2)
    notices = await street.notices(alert_id)
    assert isinstance(await answers(street, notices[first], "accept"), Alert)
    ended = await street.rows("SELECT id FROM notices WHERE why = 'responder' AND ended = 'over'")
    assert ended == [{"id": notices[second]}], "who need not go is not called by their next channel, and asked to"
    assert isinstance(await answers(street, notices[second], "accept"), Refusal)
    assert isinstance(await answers(street, notices[first], "arrive"), Alert)
    alert = await street.alert(alert_id)
    assert (alert["state"], alert["holder_id"]) == ("triggered", None)
    timers = await street.rows("SELECT kind FROM alert_timers WHERE alert_id = %s", alert_id)
    assert {"kind": "escalate"} in timers, "it climbs as one that nobody answered"

    moved = await acknowledged(street, alert_id)
    assert (moved.state, moved.holder and moved.holder.id) == ("arrived", street.operator.id)
    assert await street.timeline(alert_id) == [
        *("raised", "asked", "accepted", "responder_arrived", "acknowledged", "dispatched", "arrived"),
    ]
    stages = await street.rows("SELECT message ->> 'stage' AS stage FROM outbox ORDER BY id")
    assert [row["stage"] for row in stages] == ["raised", "acknowledged", "dispatched", "arrived"]
    assert (await acknowledged(street, alert_id)).version == moved.version, "again: nothing"

    assert isinstance(await answers(street, notices[first], "help", "抬不动（虚构）"), Alert)
    assert (await street.alert(alert_id))["attention"] is True
    taken = await move_alert(street.connection, alert_id, Acknowledge(None, 1), street.operator)
    assert isinstance(taken, Alert)
    assert taken.attention is False

    assert await tell_that_it_is_over(street.connection) is False
    resolved = await move_alert(street.connection, alert_id, Resolve("hospital"), street.operator)
    assert isinstance(resolved, Alert)
    assert await tell_that_it_is_over(street.connection) is True
    assert await tell_that_it_is_over(street.connection) is False
    assert set(await street.notices(alert_id, "update")) == {first, second}
    dead = await answers(street, notices[first], "done")
    assert isinstance(dead, Refusal)
    assert dead.state == "resolved"


async def test_whoever_was_not_asked_has_no_link(street: Street) -> None:
    asked = await street.responder("甲某（虚构）", 100)
    alert_id = await street.press()
    await asks(street, alert_id, 1)
    notice = (await street.notices(alert_id))[asked]
    assert await asked_by(street.connection, street.elder) is None
    await street.run("UPDATE notices SET why = 'caregiver' WHERE id = %s", notice)
    assert await asked_by(street.connection, notice) is None
    await street.run("UPDATE notices SET why = 'responder' WHERE id = %s", notice)
    await street.run("UPDATE accounts SET disabled_at = now() WHERE id = %s", asked)
    assert await asked_by(street.connection, notice) is None


async def test_an_elder_who_is_away_is_also_on_the_screens_there(street: Street) -> None:
    at_home = await street.press(HOME, 30)
    assert await ask_station_there(street.connection) is True
    assert await ask_station_there(street.connection) is False
    assert await street.on_screens_of(at_home) == {street.station: "home"}
    assert await street.timeline(at_home) == ["raised"]
    home_address = (await street.alert(at_home))["place"]

    # A press that folds says where they are now: nearly two hundred kilometres off, in another city.
    assert await street.press(CHENGDU, 30) == at_home
    assert await ask_station_there(street.connection) is True
    assert await ask_station_there(street.connection) is False
    assert await street.on_screens_of(at_home) == {street.station: "home", street.far: "shared"}
    [entry] = await street.rows("SELECT body FROM alert_timeline WHERE alert_id = %s AND kind = 'shared'", at_home)
    assert entry["body"]["name"] == "成都某站（虚构）"
    assert entry["body"]["metres"] == 185_256
    feed = await street.rows("SELECT seq FROM station_feed WHERE organization_id = %s", street.far)
    assert feed == [{"seq": 1}]
    assert (await street.alert(at_home))["place"].startswith("不在家，离家约 185 公里，定位北纬 30.")
    # Nobody watches there, and has not for longer than a reconnect takes: who is above it is beside it.
    assert await ask_above_there(street.connection) is False
    above = uuid4()
    await street.run("INSERT INTO organizations (id, tier, name) VALUES (%s, 'street', '成都某街道（虚构）')", above)
    await street.run("UPDATE organizations SET parent_id = %s WHERE id = %s", above, street.far)
    await street.run(
        "INSERT INTO station_watch (organization_id, expected, unwatched_since, why)"
        " VALUES (%s, true, clock_timestamp() - interval '20 seconds', 'no_screen')",
        street.far,
    )
    assert await ask_above_there(street.connection) is True
    assert await ask_above_there(street.connection) is False
    assert (await street.on_screens_of(at_home))[above] == "escalated"
    # Somewhere without a station: it is said, and the place says where that is.
    before = await street.alert(at_home)
    await street.press((39.9, 79.9), 30)
    assert await ask_station_there(street.connection) is True
    assert (await street.timeline(at_home))[-1] == "away"
    assert (await street.alert(at_home))["version"] == before["version"] + 2, "the press, and where"
    assert "北纬 39.90000" in (await street.alert(at_home))["place"]
    # Back home: nobody is taken off.
    await street.press(HOME, 30)
    assert await ask_station_there(street.connection) is True
    assert (await street.alert(at_home))["place"] == home_address
    shown = await street.on_screens_of(at_home)
    assert shown == {street.station: "home", street.far: "shared", above: "escalated"}


async def test_how_far_is_away_is_the_organisations_and_a_station_without_a_place_is_where_its_elders_are(
    street: Street,
) -> None:
    await street.run("UPDATE organizations SET away_metres = 5000 WHERE id = %s", street.city)
    there = (HOME[0], HOME[1] + 0.02)
    alert_id = await street.press(there, 10)
    assert await ask_station_there(street.connection) is True
    assert await street.on_screens_of(alert_id) == {street.station: "home"}

    await street.run("UPDATE organizations SET away_metres = 500, lat = NULL, lon = NULL WHERE parent_id IS NOT NULL")
    await street.run(
        "INSERT INTO elders (id, organization_id, name, lat, lon) VALUES (gen_random_uuid(), %s, '某（虚构）', %s, %s)",
        *(street.next_door, *there),
    )
    assert await street.press((there[0] + 0.001, there[1]), 10) == alert_id
    assert await ask_station_there(street.connection) is True
    assert await street.on_screens_of(alert_id) == {street.station: "home", street.next_door: "shared"}


async def test_when_it_fails_the_alert_is_unharmed_and_it_is_tried_again(street: Street) -> None:
    alert_id = await street.press(CHENGDU, 30)
    await street.run(
        "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    await street.run(
        "CREATE TRIGGER fails BEFORE INSERT ON alert_routes FOR EACH ROW WHEN (NEW.reason = 'shared')"
        " EXECUTE FUNCTION fails()"
    )
    failed = await ask_station_there(street.connection)
    assert isinstance(failed, Failure)
    assert isinstance(failed.error, psycopg.Error)
    assert await ask_station_there(street.connection) is False, "not at once again"
    assert (await street.alert(alert_id))["version"] == 1
    await street.run("DROP TRIGGER fails ON alert_routes")
    await street.run("UPDATE alert_whereabouts SET looked_at = looked_at - interval '1 minute'")
    assert await ask_station_there(street.connection) is True
    assert street.far in await street.on_screens_of(alert_id)
