"""Drills on a real database: which press is a drill's, and that whatever is in doubt is real."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from alerts.domain.alert import Actor
from alerts.domain.drills import Wanted
from alerts.domain.transitions import Acknowledge, Resolve
from alerts.drill_round import go_round_drills
from alerts.make_drill import make_drill
from alerts.move import move_alert
from alerts.take_in import take_in_next
from gateway.event_lane import EventLane
from gateway.message import Message
from tests.parts.asking import signed_in
from tests.parts.ward import Nobody, Ward


class Drilled(Ward):
    """A ward whose presses are taken in one by one, without processes."""

    async def presses(self, device_id: str, kind: str = "sos", **fields: Any) -> dict[str, Any]:
        """The alert that holds the press, as it is after it."""
        event_id = uuid.uuid4().hex[:16]
        now = datetime.now(UTC)
        event = {"event_id": event_id, "type": kind, "ts": now.isoformat()} | fields
        lane = EventLane(self.url)
        lane.store(
            self.sync, [Message(f"anhu/v1/{device_id}/up/events", json.dumps(event).encode(), now, Nobody(), 0, 0)]
        )
        assert await take_in_next(self.connection) is True
        [row] = await self.rows(
            "SELECT a.* FROM alerts a JOIN alert_events ae ON ae.alert_id = a.id JOIN events e ON e.id = ae.event"
            " WHERE e.event_id = %s",
            event_id,
        )
        return row

    async def drills(self, *device_ids: str) -> uuid.UUID:
        ends_at = datetime.now(UTC) + timedelta(minutes=30)
        wanted = Wanted("试验演练", None, ends_at, device_ids=frozenset(device_ids))
        made = await make_drill(self.connection, wanted, self.actor)
        assert isinstance(made, uuid.UUID), made
        await go_round_drills(self.connection)
        return made

    async def state(self, drill_id: uuid.UUID) -> tuple[str, str | None]:
        [row] = await self.rows("SELECT state, over_why FROM drills WHERE id = %s", drill_id)
        return row["state"], row["over_why"]

    async def moved(self, alert_id: uuid.UUID, move: Any) -> None:
        await move_alert(self.connection, alert_id, move, Actor(self.account, "李某（虚构）"))


@pytest.fixture
async def ward(database_url: str) -> AsyncIterator[Drilled]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        with psycopg.connect(database_url, autocommit=True) as sync:
            made = await Drilled(database_url, connection, sync).settle_in()
            assert isinstance(made, Drilled)
            yield made


async def test_one_press_of_each_listed_device_is_the_drills_and_every_other_is_real(ward: Drilled) -> None:
    await ward.wears("wb-2")
    await ward.wears("wb-3")
    drill = await ward.drills("wb-1", "wb-2")
    assert await ward.state(drill) == ("running", None)

    first = await ward.presses("wb-1")
    assert (first["drill"], first["state"], first["title"]) == (True, "triggered", "紧急救援 · 本人呼救 · 演练")
    [told] = await ward.rows("SELECT receipt ->> 'message' AS words FROM alert_events")
    assert told["words"] == "演练：已通知服务站"
    other = await ward.presses("wb-2")
    assert (other["id"], other["drill"], other["occurrences"]) == (first["id"], True, 2), "the same elder's: folded"
    second = await ward.presses("wb-1")
    assert (second["drill"], second["id"] == first["id"]) == (False, False), "a second press of the device is real"
    third = await ward.presses("wb-3")
    assert (third["drill"], third["id"]) == (False, second["id"]), "one that is not listed is real, and folds apart"

    await go_round_drills(ward.connection)
    assert await ward.state(drill) == ("running", None), "it sounds until a person confirms that it is one"
    await ward.moved(first["id"], Acknowledge())
    await ward.moved(first["id"], Resolve("drill"))
    await go_round_drills(ward.connection)
    assert await ward.state(drill) == ("ended", "complete")


async def test_what_is_in_doubt_is_real(ward: Drilled) -> None:
    await ward.drills("wb-1")
    now = datetime.now(UTC)
    for why, kind, fields in (
        ("of an earlier need", "sos", {"ts": (now - timedelta(hours=3)).isoformat()}),
        ("nobody can tell when", "sos", {"ts": "1970-01-01T00:00:00Z"}),
        ("nobody presses smoke", "smoke", {}),
        ("a fall is felt", "fall", {}),
    ):
        assert (await ward.presses("wb-1", kind, **fields))["drill"] is False, why
    await ward.connection.execute("UPDATE alerts SET state = 'resolved', outcome = 'assisted' WHERE type <> 'fall'")
    assert (await ward.presses("wb-1"))["drill"] is False, "whoever is in need already does not press for a drill"
    await ward.connection.execute("UPDATE alerts SET state = 'resolved', outcome = 'assisted'")
    assert (await ward.presses("wb-1"))["drill"] is True, "and the drill still waits"


async def test_a_look_that_fails_or_cannot_decide_leaves_the_press_real_and_holds_nothing_up(ward: Drilled) -> None:
    await ward.drills("wb-1")
    async with await AsyncConnection.connect(ward.url) as other:
        await other.execute("SELECT * FROM drill_presses FOR UPDATE")
        assert (await ward.presses("wb-1"))["drill"] is False, "whoever holds the row is not waited for"
    await ward.connection.execute("ALTER TABLE drill_presses RENAME COLUMN expected_from TO something_else")
    assert (await ward.presses("wb-1"))["drill"] is False, "and a look that fails fails nothing"


async def test_after_its_time_or_called_off_every_press_is_real(ward: Drilled) -> None:
    drill = await ward.drills("wb-1")
    await ward.connection.execute(
        "UPDATE drills SET starts_at = starts_at - interval '1 hour', ends_at = clock_timestamp()"
    )
    await ward.connection.execute("UPDATE drill_presses SET expected_until = clock_timestamp()")
    await go_round_drills(ward.connection)
    assert await ward.state(drill) == ("ended", "time_up")
    assert (await ward.presses("wb-1"))["drill"] is False


async def test_a_device_has_a_part_in_one_drill_at_a_time(ward: Drilled) -> None:
    await ward.drills("wb-1")
    wanted = Wanted("又一次", None, datetime.now(UTC) + timedelta(minutes=5), None, None, frozenset({"wb-1"}))
    [flaw] = await make_drill(ward.connection, wanted, ward.actor)
    assert "已在另一次演练中" in flaw.what
    assert len(await ward.rows("SELECT FROM drills")) == 1, "nothing of it is left"


async def test_over_http(ward: Drilled) -> None:
    """Made, pressed, confirmed, reported, and the button ticked off."""
    await ward.connection.execute(
        "INSERT INTO devices (device_id, kind, organization_id, elder_id, enrolled_at)"
        " VALUES ('button-1', 'emergency_button', %s, %s, now() - interval '9 days')",
        (ward.station, ward.elder),
    )
    async with signed_in(ward) as http:
        due = (await http.get("/button-tests")).json()
        assert [(one["device_id"], one["overdue"]) for one in due["items"]] == [("button-1", True)]
        assert (due["due"], due["all"], due["lasting_days"]) == (1, 1, 7.0)

        ends_at = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
        long = (datetime.now(UTC) + timedelta(hours=9)).isoformat()
        station = {"name": "社区演练", "organization_id": str(ward.station)}
        assert (await http.post("/drills", json=station | {"ends_at": long})).status_code == 422
        made = await http.post("/drills", json=station | {"ends_at": ends_at})
        assert made.status_code == 201, made.text
        assert (made.json()["expected"], made.json()["state"]) == (2, "planned")
        await go_round_drills(ward.connection)

        alert = await ward.presses("button-1")
        await ward.moved(alert["id"], Acknowledge())
        detail = (await http.get(f"/drills/{made.json()['id']}")).json()
        assert (detail["state"], detail["pressed"], detail["unresolved"]) == ("running", 1, 1)
        assert detail["report"]["not_pressed"] == ["wb-1"]
        assert (detail["report"]["answered"], detail["report"]["answered_in_10"]) == (1, 1)

        tested = (await http.get("/button-tests", params={"due": False})).json()
        assert [(one["tested_by"], one["overdue"]) for one in tested["items"]] == [("drill", False)]

        over = await http.post(f"/drills/{made.json()['id']}/call_off")
        assert (over.json()["state"], over.json()["over_why"]) == ("called_off", "call_off")
        assert (await http.post(f"/drills/{made.json()['id']}/call_off")).status_code == 409
        assert (await ward.presses("wb-1"))["drill"] is False
        assert [one["id"] for one in (await http.get("/drills")).json()["items"]] == [made.json()["id"]]
