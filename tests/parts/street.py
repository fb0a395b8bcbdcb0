"""Two streets of one city and a station of another, with responders, in a database without processes. Invented."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor
from alerts.take_in import take_in_next

HOME = (29.7080, 105.7135)
CHENGDU = (30.5728, 104.0668)


class Street:
    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection
        self.city, self.station, self.next_door, self.far = uuid7(), uuid7(), uuid7(), uuid7()
        self.elder, self.operator = uuid7(), Actor(uuid7(), "王某（虚构）", "10.0.0.1")

    async def settle_in(self) -> "Street":
        for one, above, tier, name, place in (
            (self.city, None, "city", "某市（虚构）", (None, None)),
            (self.station, self.city, "community", "北禅站（虚构）", HOME),
            (self.next_door, self.city, "community", "西禅站（虚构）", (HOME[0], HOME[1] + 0.02)),
            (self.far, None, "community", "成都某站（虚构）", CHENGDU),
        ):
            await self.run(
                "INSERT INTO organizations (id, parent_id, tier, name, lat, lon) VALUES (%s, %s, %s, %s, %s, %s)",
                *(one, above, tier, name, *place),
            )
        await self.run(
            "INSERT INTO elders (id, organization_id, name, address, lat, lon, health_notes)"
            " VALUES (%s, %s, '张某（虚构）', '北禅社区安和路12号3幢', %s, %s, '高血压（虚构）')",
            *(self.elder, self.station, *HOME),
        )
        await self.run(
            "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES ('wb-1', 'wristband', %s, %s)",
            *(self.station, self.elder),
        )
        await self.person(self.operator.id, self.operator.name, "operator")
        return self

    async def run(self, statement: str, *values: Any) -> None:
        await self.connection.execute(statement, values)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            return await (await cursor.execute(statement, values)).fetchall()

    async def person(self, id_: UUID, name: str, role: str) -> None:
        await self.run(
            "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, '!', %s, %s)",
            *(id_, str(id_), name, role),
        )

    async def responder(self, name: str, metres: float | None, *skills: str) -> UUID:
        """So far north of the elder's home."""
        account_id: UUID = uuid7()
        await self.person(account_id, name, "responder")
        place = (None, None) if metres is None else (HOME[0] + metres / 111_195, HOME[1])
        await self.run(
            "INSERT INTO responders (account_id, organization_id, kind, skills, phone, lat, lon)"
            " VALUES (%s, %s, 'neighbour', %s, '023-0000-0000', %s, %s)",
            *(account_id, self.station, list(skills), *place),
        )
        return account_id

    async def press(self, at: tuple[float, float] | None = None, accuracy: float | None = None) -> UUID:
        """An SOS as a gateway stores it, taken in; the alert that has it."""
        now = datetime.now(UTC)
        event_id = f"e{uuid7()}"
        await self.run(
            "WITH stored AS (INSERT INTO events (device_id, event_id, type, ts_key, occurred_at, received_at,"
            " last_received_at, raw, detail, elder_id, organization_id, lat, lon, accuracy)"
            " SELECT device_id, %s, 'sos', %s, %s, %s, %s, '', %s, elder_id, organization_id, %s, %s, %s FROM devices"
            " WHERE device_id = 'wb-1' RETURNING id, device_id)"
            " INSERT INTO event_queue (event, device_id, urgent) SELECT id, device_id, true FROM stored",
            *(event_id, now.isoformat(), now, now, now, json.dumps(None), *(at or (None, None)), accuracy),
        )
        assert await take_in_next(self.connection) is True
        [row] = await self.rows(
            "SELECT ae.alert_id FROM alert_events ae JOIN events e ON e.id = ae.event WHERE e.event_id = %s", event_id
        )
        alert_id: UUID = row["alert_id"]
        return alert_id

    async def alert(self, alert_id: UUID) -> dict[str, Any]:
        [row] = await self.rows("SELECT * FROM alerts WHERE id = %s", alert_id)
        return row

    async def timeline(self, alert_id: UUID) -> list[str]:
        rows = await self.rows("SELECT kind FROM alert_timeline WHERE alert_id = %s ORDER BY id", alert_id)
        return [row["kind"] for row in rows]

    async def notices(self, alert_id: UUID, why: str = "responder") -> dict[UUID, UUID]:
        """The latest notice of each account."""
        rows = await self.rows(
            "SELECT account_id, id FROM notices WHERE alert_id = %s AND why = %s ORDER BY asked_at, id", alert_id, why
        )
        return {row["account_id"]: row["id"] for row in rows}

    async def on_screens_of(self, alert_id: UUID) -> dict[UUID, str]:
        rows = await self.rows("SELECT organization_id, reason FROM alert_routes WHERE alert_id = %s", alert_id)
        return {row["organization_id"]: row["reason"] for row in rows}


@asynccontextmanager
async def street_at(database_url: str) -> AsyncIterator[Street]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield await Street(connection).settle_in()
