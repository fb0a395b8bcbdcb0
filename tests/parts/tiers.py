"""Five tiers with people, a database and what `anhu alerts` does with timers, without processes between them.

Nobody waits: a clock that has to go on is a timer that is made due.
"""

import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, time
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts.change_roster import make_shift
from alerts.domain.alert import Actor
from alerts.domain.duty import Shift
from alerts.move import move_alert
from alerts.policies import change_policy
from alerts.take_in import take_in_next
from alerts.timers import act_on_next_timer, make_next_plan

TIERS = ("city", "district", "street", "community", "point")
_EVENT = """
WITH stored AS (
    INSERT INTO events (device_id, event_id, type, ts_key, occurred_at, received_at, last_received_at, raw, elder_id,
                        organization_id)
    SELECT device_id, %(event_id)s, %(type)s, '', now(), now(), now(), '', elder_id, organization_id FROM devices
    WHERE device_id = 'sos-1' RETURNING id)
INSERT INTO event_queue (event, device_id, urgent) SELECT id, 'sos-1', true FROM stored
"""


class Tiers:
    """小区养老服务点 → 社区 → 街道 → 区县 → 市, an elder at the lowest, a caregiver, and an operator of each tier."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection
        self.path = [uuid7() for _ in TIERS]
        self.elder, self.daughter = uuid7(), uuid7()
        self.operators = dict(zip(TIERS, [uuid7() for _ in TIERS], strict=True))
        self.admin = Actor(self.operators["city"], "何伟（虚构）")

    async def settle_in(self) -> None:
        run = self.connection.execute
        for place, (one, tier) in enumerate(zip(self.path, TIERS, strict=True)):
            above = self.path[place - 1] if place else None
            values = (one, above, tier, f"{tier}（虚构）")
            await run("INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, %s, %s)", values)
            await self._account(self.operators[tier], "operator", f"{tier} 值班员（虚构）")
            await run("INSERT INTO account_organizations VALUES (%s, %s)", (self.operators[tier], one))
        await run(
            "INSERT INTO elders (id, organization_id, name) VALUES (%s, %s, %s)",
            (self.elder, self.point, "陈某（虚构）"),
        )
        await self._account(self.daughter, "caregiver", "陈女（虚构）")
        await run("INSERT INTO account_elders VALUES (%s, %s)", (self.daughter, self.elder))
        await run(
            "INSERT INTO consents (elder_id, purpose, text, recorded_by) VALUES (%s, 'family_alerts', '同意', '测试')",
            (self.elder,),
        )
        await run(
            "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES ('sos-1', 'wristband', %s, %s)",
            (self.point, self.elder),
        )

    async def _account(self, account_id: UUID, role: str, name: str) -> None:
        await self.connection.execute(
            "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, '-', %s, %s)",
            (account_id, account_id.hex, name, role),
        )

    @property
    def point(self) -> UUID:
        return self.path[-1]

    async def press(self, kind: str = "sos") -> UUID:
        """The alert of a press; its plan is made by `planned`."""
        await self.connection.execute(_EVENT, {"event_id": uuid.uuid4().hex[:16], "type": kind})
        assert await take_in_next(self.connection) is True
        [row] = await self.rows("SELECT alert_id FROM alert_events ORDER BY event DESC LIMIT 1")
        return UUID(str(row["alert_id"]))

    async def planned(self) -> None:
        while made := await make_next_plan(self.connection):
            assert made is True, made

    async def acted(self) -> None:
        """All timers that are due."""
        while acted := await act_on_next_timer(self.connection):
            assert acted is True, acted
        await self.planned()

    async def passes(self, alert_id: UUID) -> None:
        """The time until the alert's next step."""
        await self.connection.execute(
            "UPDATE alert_timers SET due_at = clock_timestamp() WHERE alert_id = %s AND kind = 'escalate'", (alert_id,)
        )
        await self.acted()

    async def moves(self, alert_id: UUID, move: Any, who: Actor | None = None) -> Any:
        moved = await move_alert(self.connection, alert_id, move, who or self.admin)
        await self.planned()
        return moved

    async def has_shift(self, organization_id: UUID, *people: UUID) -> None:
        """On shift round the clock."""
        shift = Shift(uuid7(), "班", time(0), time(0), people, date(2020, 1, 1))
        assert await make_shift(self.connection, organization_id, shift, self.admin) == shift.id

    async def has_policy(self, organization_id: UUID, definition: Mapping[str, Any], version: int = 0) -> Any:
        return await change_policy(self.connection, organization_id, version, definition, self.admin, "试验")

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            return await (await cursor.execute(statement, values)).fetchall()

    async def timeline(self, alert_id: UUID, *kinds: str) -> list[dict[str, Any]]:
        rows = await self.rows(
            "SELECT kind, body, version FROM alert_timeline WHERE alert_id = %s ORDER BY id", alert_id
        )
        return [row for row in rows if not kinds or row["kind"] in kinds]

    async def told(self, alert_id: UUID) -> list[tuple[UUID, str]]:
        rows = await self.rows("SELECT account_id, why FROM notices WHERE alert_id = %s ORDER BY id", alert_id)
        return [(row["account_id"], row["why"]) for row in rows]

    async def routed(self, alert_id: UUID) -> list[UUID]:
        found = "SELECT organization_id FROM alert_routes WHERE alert_id = %s ORDER BY since"
        return [row["organization_id"] for row in await self.rows(found, alert_id)]

    async def frames(self) -> Sequence[Mapping[str, Any]]:
        """What the lowest organisation's screens were shown."""
        rows = await self.rows("SELECT alert FROM station_feed WHERE organization_id = %s ORDER BY seq", self.point)
        return [row["alert"] if isinstance(row["alert"], dict) else json.loads(row["alert"]) for row in rows]


@asynccontextmanager
async def tiers_at(database_url: str) -> AsyncIterator[Tiers]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        tiers = Tiers(connection)
        await tiers.settle_in()
        yield tiers
