"""Response reports and the press ledger on a real database, over HTTP: the same log as it is written live."""

import asyncio
import io
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from openpyxl import load_workbook
from psycopg import AsyncConnection

from alerts.domain.response import BEIJING
from alerts.domain.transitions import Acknowledge, Arrive, Dispatch, Resolve
from alerts.move import move_alert
from alerts.press_ledger import days_kept, keep_ledger
from alerts.take_in import take_in_next
from gateway.event_lane import EventLane
from gateway.message import Message
from tests.parts.asking import signed_in
from tests.parts.ward import Nobody, Ward


class Counted(Ward):
    def says(self, device_id: str, seq: int | None = None, kind: str = "sos", **fields: Any) -> None:
        """An event, which a gateway stores."""
        now = datetime.now(UTC)
        event = {"event_id": uuid.uuid4().hex[:16], "type": kind, "ts": now.isoformat(), "seq": seq} | fields
        message = Message(f"anhu/v1/{device_id}/up/events", json.dumps(event).encode(), now, Nobody(), 0, 0)
        EventLane(self.url).store(self.sync, [message])

    async def taken_in(self) -> None:
        while taken := await take_in_next(self.connection):
            assert taken is True, taken

    async def moves(self, alert_id: uuid.UUID, *moves: Any) -> None:
        for move in moves:
            await move_alert(self.connection, alert_id, move, self.actor)


@pytest.fixture
async def ward(database_url: str) -> AsyncIterator[Counted]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        with psycopg.connect(database_url, autocommit=True) as sync:
            made = await Counted(database_url, connection, sync).settle_in()
            assert isinstance(made, Counted)
            yield made


async def test_a_report_in_three_forms(ward: Counted) -> None:
    ward.says("wb-1")
    ward.says("wb-1", kind="water_leak")
    await ward.taken_in()
    leak, sos = sorted(await ward.alerts(), key=lambda one: one["severity"], reverse=True)
    await ward.moves(sos["id"], Acknowledge(), Dispatch("张某（虚构）"), Arrive(), Resolve("assisted"))
    await ward.moves(leak["id"], Acknowledge(), Resolve("false_alarm"))
    # The press was half a minute before the answer.
    await ward.connection.execute(
        "UPDATE alerts SET raised_at = (SELECT min(at) FROM alert_timeline t WHERE t.alert_id = alerts.id"
        " AND kind = 'acknowledged') - interval '30 seconds'"
    )
    today = (datetime.now(UTC) + BEIJING).date()
    async with signed_in(ward) as http:
        days = {"from": str(today - timedelta(days=1)), "to": str(today)}
        report = (await http.get("/reports/response", params=days)).json()
        assert (report["from"], report["to"]) == (days["from"], days["to"])
        real = report["real"]
        assert (real["alerts"], real["rescues"], real["times"]["answer"]["median"]) == (2, 1, 30.0)
        assert [(one["met"], one["judged"]) for one in real["measures"]] == [(0, 1), (1, 1), (1, 1), (1, 1), (1, 1)]
        assert [(one["title"], one["false"]) for one in report["types"]] == [("本人呼救", 0), ("漏水报警", 1)]
        own, station = report["organizations"]
        assert (own["alerts"], station["alerts"], station["name"]) == (0, 2, "某社区养老服务站（虚构）")
        assert sum(one["alerts"] for one in report["days"]) == 2

        csv = await http.get("/reports/response", params=days | {"format": "csv"})
        assert "attachment" in csv.headers["content-disposition"]
        assert csv.content.startswith("\ufeff汇总".encode())
        assert "60 秒内接警,1.0" in csv.text
        book = await http.get("/reports/response", params=days | {"format": "xlsx"})
        rows = {row[0]: row for row in load_workbook(io.BytesIO(book.content))["汇总"].iter_rows(values_only=True)}
        assert rows["10 秒内接警"][1:5] == (0, None, 0.95, "未达标")
        for status, wrong in (
            (422, {"from": "2026-02-01", "to": "2026-01-01"}),
            (422, {"to": "0001-01-03"}),
            (422, {"from": "0001-01-03"}),
            (404, {"organization_id": str(ward.elder)}),
        ):
            assert (await http.get("/reports/response", params=wrong)).status_code == status


async def test_every_press_is_accounted_for_or_named(ward: Counted) -> None:
    for seq in (1, 2, 3):
        ward.says("wb-1", seq)
    ward.says("wb-1", 4, kind="dance")  # refused, with a reason
    ward.says("wb-1", 6)  # 5 was never heard of
    ward.says("wb-1", 1)  # and it began again
    await ward.taken_in()
    [alert] = await ward.alerts()
    await ward.moves(alert["id"], Acknowledge(), Resolve("accidental"))
    async with signed_in(ward) as http:
        ledger = (await http.get("/reports/ledger")).json()
        assert ledger["unaccounted"] == 1
        assert {name: ledger["stages"][name] for name in ("pressed", "stored", "raised", "answered", "open")} == {
            **{"pressed": 6, "stored": 5, "raised": 5, "answered": 5, "open": 0}
        }
        [gap] = ledger["gaps"]
        assert (gap["device_id"], gap["first"], gap["last"], gap["explained"]) == ("wb-1", 4, 5, 1)
        assert [(one["last"], one["first"]) for one in ledger["resets"]] == [(6, 1)]

        # It comes after all, out of the device's memory: pressed between the two.
        ward.says("wb-1", 5, ts=(datetime.fromisoformat(gap["before"]) - timedelta(milliseconds=1)).isoformat())
        filled = (await http.get("/reports/ledger")).json()
        assert (filled["unaccounted"], filled["missing"], filled["stages"]["waiting"]) == (0, 0, 1)

        await ward.connection.execute(
            "UPDATE event_queue SET queued_at = now() - interval '2 minutes', last_error = 'x'"
        )
        stuck = (await http.get("/reports/ledger")).json()
        assert stuck["unaccounted"] == 1
        assert [one["error"] for one in stuck["not_raised"]] == ["x"]

    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert await asyncio.to_thread(keep_ledger(ward.url), ward.sync, tomorrow, lambda: False) == 8
    today, *_ = await days_kept(ward.connection)
    assert (today["unaccounted"], today["pressed"]) == (1, 6)
