"""Stations of a street with silent and talking devices, in a database, without processes. Time passes by moving all
that is stored into the past: the database's own clock decides. People and places are invented."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts.devices import Failure, Rounds, Turn, look_after_devices

_PASS = (
    "UPDATE device_states SET last_seen_at = last_seen_at - %(time)s, online_at = online_at - %(time)s",
    "UPDATE device_conditions SET since = since - %(time)s, until = until - %(time)s, noted_at = noted_at - %(time)s,"
    " due_at = due_at - %(time)s, ended_at = ended_at - %(time)s",
    "UPDATE hearing_gaps SET began_at = began_at - %(time)s, ended_at = ended_at - %(time)s",
    "UPDATE area_incidents SET first_lost_at = first_lost_at - %(time)s, last_lost_at = last_lost_at - %(time)s,"
    " told_at = told_at - %(time)s, back_since = back_since - %(time)s",
    "UPDATE device_expectations SET learn_at = learn_at - %(time)s",
    "UPDATE devices SET enrolled_at = enrolled_at - %(time)s",
)


class District:
    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection
        self.city, self.street, self.station, self.other = uuid7(), uuid7(), uuid7(), uuid7()
        self.elders: dict[str, UUID] = {}
        self._rounds = Rounds()

    async def settle_in(self) -> "District":
        for one, above, tier, name in (
            (self.city, None, "city", "某市（虚构）"),
            (self.street, self.city, "street", "龙岗街道（虚构）"),
            (self.station, self.street, "community", "北禅社区养老服务站（虚构）"),
            (self.other, self.street, "community", "西禅社区养老服务站（虚构）"),
        ):
            await self.run(
                "INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, %s, %s)", one, above, tier, name
            )
        await self.run(
            "INSERT INTO gateway_slots (slot, client_id, beat_at, heard_at) VALUES (1, 'slot-1', now(), now())"
        )
        await self.turn()
        await self.passes(minutes=60)  # we have been hearing for an hour
        return self

    async def run(self, statement: str, *values: Any) -> None:
        await self.connection.execute(statement, values)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            return await (await cursor.execute(statement, values)).fetchall()

    async def has_devices(
        self, count: int, name: str, *, station: UUID | None = None, kind: str = "wristband", minutes: float = 1
    ) -> list[str]:
        """Each of an elder of its own, heard just now, and known to report each `minutes`."""
        home = station or self.station
        names = [f"{name}-{number:02}" for number in range(count)]
        for device_id in names:
            elder = self.elders[device_id] = uuid7()
            await self.run(
                "INSERT INTO elders (id, organization_id, name, phone) VALUES (%s, %s, %s, '023-0000-0000')",
                *(elder, home, f"老人 {device_id}（虚构）"),
            )
            await self.run(
                "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES (%s, %s, %s, %s)",
                *(device_id, kind, home, elder),
            )
        await self.heard(names)
        self._rounds.sweeps = 0  # new devices are looked for by the next one
        await self.turn()
        usual = timedelta(minutes=minutes)
        await self.run(
            "UPDATE device_expectations SET usual = %s, learned_from = 20, silent_after = %s, will_wait = %s"
            " FROM devices WHERE key = device_key AND device_id = ANY(%s)",
            *(usual, 3 * usual, usual, names),
        )
        return names

    async def heard(self, names: Sequence[str]) -> None:
        """Just now; as a gateway writes it."""
        await self.run(
            "INSERT INTO device_states (device_key, last_seen_at)"
            " SELECT key, clock_timestamp() FROM devices WHERE device_id = ANY(%s)"
            " ON CONFLICT (device_key) DO UPDATE SET last_seen_at = excluded.last_seen_at",
            list(names),
        )

    async def offline(self, names: Sequence[str]) -> None:
        """The broker told their wills just now."""
        await self.run(
            "UPDATE device_states SET online = false, online_at = clock_timestamp()"
            " FROM devices WHERE key = device_key AND device_id = ANY(%s)",
            list(names),
        )

    async def passes(self, minutes: float, *, heard: Sequence[str] = (), hearing: bool = True) -> Turn:
        """Time goes by, in which these report; then a turn."""
        for statement in _PASS:
            await self.connection.execute(statement, {"time": timedelta(minutes=minutes)})
        if heard:
            await self.heard(heard)
        if not hearing:  # nobody swept meanwhile
            await self.run("UPDATE hearing SET looked_at = looked_at - %s", timedelta(minutes=minutes))
        return await self.turn()

    async def turn(self) -> Turn:
        await self.run("UPDATE gateway_slots SET heard_at = clock_timestamp()")
        turn = await look_after_devices(self.connection, self._rounds)
        assert not isinstance(turn, Failure), turn.error
        return turn

    async def read(self, device_id: str, *, minutes_ago: float = 0, **measured: Any) -> None:
        """A reading as it is stored."""
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        names = ", ".join(measured)
        await self.run(
            f"INSERT INTO readings (device_key, ts, seq, received_at, {names})"
            f" SELECT key, %s, 0, %s, {', '.join('%s' for _ in measured)} FROM devices WHERE device_id = %s",
            *(at, at, *measured.values(), device_id),
        )

    async def alerts(self, type_: str = "%") -> list[dict[str, Any]]:
        return await self.rows("SELECT * FROM alerts WHERE type LIKE %s ORDER BY raised_at, id", type_)

    async def timeline(self, alert_id: UUID) -> list[str]:
        rows = await self.rows("SELECT kind FROM alert_timeline WHERE alert_id = %s ORDER BY id", alert_id)
        return [row["kind"] for row in rows]

    async def states(self, type_: str = "device.offline") -> dict[str, int]:
        rows = await self.rows(
            "SELECT state, count(*) FROM device_conditions WHERE type = %s GROUP BY state ORDER BY state", type_
        )
        return {row["state"]: row["count"] for row in rows}

    async def sends(self, kind: str, device_id: str, **fields: Any) -> None:
        """An event as a gateway stores it, waiting to be taken in when it is urgent."""
        now = datetime.now(UTC)
        urgent = kind == "sos"
        event_id = f"e{uuid7()}"
        await self.run(
            "WITH stored AS (INSERT INTO events (device_id, event_id, type, ts_key, occurred_at, received_at,"
            " last_received_at, raw, detail, elder_id, organization_id)"
            " SELECT device_id, %s, %s, %s, %s, %s, %s, '', %s, elder_id, organization_id FROM devices"
            " WHERE device_id = %s RETURNING id, device_id)"
            " INSERT INTO event_queue (event, device_id, urgent) SELECT id, device_id, %s FROM stored",
            *(event_id, kind, now.isoformat(), now, now, now, json.dumps(fields or None), device_id, urgent),
        )


@asynccontextmanager
async def district_at(database_url: str) -> AsyncIterator[District]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield await District(connection).settle_in()
