"""One elder with wristbands, a database, the gateway's lane and the rules' look, without processes between them."""

import json
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts import compile_limits
from alerts.change_rule import change_rule, make_rule
from alerts.domain.alert import Actor
from alerts.domain.rules.model import Rule
from alerts.rulebook import RuleBook
from alerts.sift import look_at_some
from gateway.limits import Limits
from gateway.message import Message
from gateway.telemetry_lane import TelemetryLane

HIGH: dict[str, Any] = {
    "key": "heart_rate_high",
    "title": "心率过高",
    "severity": "yellow",
    "condition": {"kind": "limit", "field": "heart_rate", "direction": "above", "value": 120, "clear": 115},
    "lasting_seconds": 600,
    "clear_after_seconds": 300,
    "gap_seconds": 300,
    "source": "made up for tests",
}
CRITICAL = HIGH | {
    "key": "heart_rate_critical",
    "title": "紧急救援 · 心率危险",
    "severity": "red",
    "condition": {"kind": "limit", "field": "heart_rate", "direction": "above", "value": 150, "clear": 140},
}


class Nobody:
    def acknowledge(self, messages: Sequence[Message]) -> None: ...


class Ward:
    """Times are minutes after `start`, which is hours ago: no test waits for them."""

    def __init__(self, url: str, connection: AsyncConnection[Any], sync: psycopg.Connection[Any]) -> None:
        self.url, self.connection, self.sync = url, connection, sync
        self.start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=6)
        self.city, self.station, self.elder = uuid7(), uuid7(), uuid7()
        self.account = uuid7()
        self.book = RuleBook()
        self.limits = Limits(url)
        self._lane = TelemetryLane(url, limits=self.limits)
        self._lane.prepare(sync)

    async def settle_in(self) -> Self:
        """The people of a small town, all of them invented."""
        run = self.connection.execute
        for one, above, tier, name in (
            (self.city, None, "city", "某市（虚构）"),
            (self.station, self.city, "community", "某社区养老服务站（虚构）"),
        ):
            values = (one, above, tier, name)
            await run("INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, %s, %s)", values)
        await run(
            "INSERT INTO elders (id, organization_id, name, address) VALUES (%s, %s, %s, %s)",
            (self.elder, self.station, "陈某（虚构）", "某社区 1 栋 1-1（虚构）"),
        )
        await run(
            "INSERT INTO accounts (id, username, password_hash, name, role)"
            " VALUES (%s, 'admin', '-', %s, 'administrator')",
            (self.account, "李某（虚构）"),
        )
        await self.wears("wb-1")
        return self

    async def wears(self, device_id: str) -> None:
        await self.connection.execute(
            "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES (%s, 'wristband', %s, %s)",
            (device_id, self.station, self.elder),
        )

    @property
    def actor(self) -> Actor:
        return Actor(self.account, "李某（虚构）")

    async def has_rule(self, definition: Mapping[str, Any] = HIGH, **changes: Any) -> Rule:
        rule = await make_rule(self.connection, {**definition, **changes}, self.actor, "试验")
        await self.compiled()
        return rule

    async def changes_rule(self, rule: Rule, definition: Mapping[str, Any], **changes: Any) -> Rule:
        changed = await change_rule(
            self.connection, rule.id, rule.version, {**definition, **changes}, self.actor, "试验"
        )
        assert isinstance(changed, Rule)
        await self.compiled()
        return changed

    async def compiled(self) -> None:
        """What `anhu alerts` compiles is loaded by the gateway; what it wants looked at for that is not waited for."""
        while await compile_limits.compile_next(self.connection, self.book):
            pass
        await self.connection.execute("DELETE FROM rule_checks WHERE not_before > clock_timestamp()")
        self.limits.load(self.sync)

    def at(self, minutes: float) -> datetime:
        return self.start + timedelta(minutes=minutes)

    def measured(self, minutes: Iterable[float], device_id: str = "wb-1", **values: Any) -> None:
        """A reading at each of these times, in a message of its own, which a gateway had at once."""
        for minute in minutes:
            at = self.at(minute)
            self.sent([{"ts": at.isoformat()} | values], device_id, received_at=at)

    def sent(
        self, readings: Sequence[Mapping[str, Any]], device_id: str = "wb-1", received_at: datetime | None = None
    ) -> None:
        """Readings come together; late, unless it is said when they were received."""
        topic, at = f"anhu/v1/{device_id}/up/readings", received_at or datetime.now(UTC)
        self._lane.store(self.sync, [Message(topic, json.dumps(readings).encode(), at, Nobody(), 0, 0)])

    async def looked(self) -> int:
        """Looks at whoever is marked, until nobody is; how many looks it took."""
        looks = 0
        while (looked := await look_at_some(self.connection, self.book))[0]:
            assert not looked[1], looked
            looks += looked[0]
        return looks

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            return await (await cursor.execute(statement, values)).fetchall()

    async def episodes(self) -> list[dict[str, Any]]:
        return await self.rows("SELECT * FROM rule_episodes ORDER BY raised_at, key")

    async def alerts(self) -> list[dict[str, Any]]:
        return await self.rows("SELECT * FROM alerts ORDER BY raised_at, id")

    async def timeline(self, alert_id: uuid.UUID) -> list[str]:
        rows = await self.rows("SELECT kind FROM alert_timeline WHERE alert_id = %s ORDER BY id", alert_id)
        return [row["kind"] for row in rows]

    async def close(self, alert_id: uuid.UUID, minutes_ago: float = 0) -> None:
        """Somebody resolved it, so long ago."""
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        await self.connection.execute(
            "UPDATE alerts SET state = 'resolved', outcome = 'assisted', last_move_at = %s WHERE id = %s",
            (at, alert_id),
        )
        await self.connection.execute(
            "INSERT INTO alert_timeline (alert_id, at, kind, version) VALUES (%s, %s, 'resolved', 2)", (alert_id, at)
        )


@asynccontextmanager
async def ward_at(database_url: str) -> AsyncIterator[Ward]:
    async with AsyncExitStack() as opened:
        connection = await opened.enter_async_context(await AsyncConnection.connect(database_url, autocommit=True))
        sync = opened.enter_context(psycopg.connect(database_url, autocommit=True))
        yield await Ward(database_url, connection, sync).settle_in()
