"""Caregivers of an elder with an alert, in a database, and what delivers to them: without other processes. Invented."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.channels.targets import read_target
from alerts.delivery_process import Delivery
from alerts.domain.alert import Actor, Alert, Change, Entry, Person, Refusal, Severity, Tell, new_alert
from alerts.domain.delivery import Limits
from alerts.domain.transitions import Move
from alerts.move import move_alert
from services.runtime.settings import Settings
from tests.parts.waiting import PATIENCE

SECRET_KEY = "only for tests: a key of more than 32 characters"
PUBLIC_URL = "http://anhu.test"
#: As in production, in tenths of seconds for its seconds.
BRISK = Limits(
    open_within=MappingProxyType(
        {
            Severity.RED: timedelta(seconds=0.5),
            Severity.ORANGE: timedelta(seconds=1),
            Severity.YELLOW: timedelta(seconds=2),
            Severity.BLUE: None,
        }
    ),
    red_shown_within=timedelta(seconds=1),
    lease=timedelta(seconds=12),
    again_after=(timedelta(seconds=0.1), timedelta(seconds=0.2)),
)


class Family:
    """An organisation, an elder, and whoever is added."""

    def __init__(self, connection: AsyncConnection[Any], database_url: str) -> None:
        self.connection = connection
        self.settings = Settings(
            database_url=database_url, secret_key=SECRET_KEY, public_url=PUBLIC_URL, channels_may_be_local=True
        )
        self.station, self.elder = uuid7(), uuid7()
        self.operator = Actor(uuid7(), "陈静（虚构）")

    async def settle_in(self, *, consents: bool = True) -> "Family":
        await self.run(
            "INSERT INTO organizations (id, tier, name) VALUES (%s, 'community', '某社区站（虚构）')", self.station
        )
        await self.run(
            "INSERT INTO elders (id, organization_id, name) VALUES (%s, %s, '张某（虚构）')", self.elder, self.station
        )
        await self.run(
            "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, 'op', '', %s, 'operator')",
            *(self.operator.id, self.operator.name),
        )
        if consents:
            await self.consents()
        return self

    async def consents(self) -> None:
        await self.run(
            "INSERT INTO consents (elder_id, purpose, text, recorded_by)"
            " VALUES (%s, 'family_alerts', '同意（虚构）', '测试')",
            self.elder,
        )

    async def has_caregiver(self, name: str, *channels: Any) -> UUID:
        """With channels in this order: a subscription of a browser, or a URL."""
        account = uuid7()
        await self.run(
            "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, '', %s, 'caregiver')",
            *(account, name, name),
        )
        await self.run("INSERT INTO account_elders (account_id, elder_id) VALUES (%s, %s)", account, self.elder)
        for position, given in enumerate(channels):
            kind = "web_push" if isinstance(given, Mapping) else "webhook" if given.startswith("http") else "apprise"
            target = read_target(kind, given if isinstance(given, Mapping) else {"url": given}, local=True)
            await self.run(
                "INSERT INTO channels (id, account_id, kind, label, position, target, service, fingerprint)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                *(uuid7(), account, kind, f"{kind} {position}", position, json.dumps(dict(target.value))),
                *(target.service, target.fingerprint),
            )
        return account

    async def raises(
        self, *accounts: UUID, severity: Severity = Severity.RED, drill: bool = False, why: str = "caregiver"
    ) -> Alert:
        """An alert of the elder of which these are to be told, as the ledger writes it."""
        now = (await self.rows("SELECT clock_timestamp() AS now"))[0]["now"]
        alert = new_alert(
            id=uuid7(),
            type="sos",
            severity=severity,
            title="紧急救援 · 本人呼救",
            elder=Person(self.elder, "张某（虚构）"),
            device_id="watch-1",
            device_kind="wristband",
            place="某路 1 号（虚构）",
            organization_id=self.station,
            event_id=f"e-{uuid7().hex[-8:]}",
            occurred_at=now,
            received_at=now,
            now=now,
            drill=drill,
        )
        tell = tuple(Tell(one, f"raised {alert.id}", why) for one in accounts)
        change = Change(alert, (Entry("raised"),), route=(self.station, "home"), tell=tell)
        async with self.connection.transaction():
            await ledger.save(self.connection, None, change, now)
        return alert

    async def moves(self, alert: Alert, move: Move) -> Alert:
        moved = await move_alert(self.connection, alert.id, move, self.operator)
        assert moved is not None
        assert not isinstance(moved, Refusal)
        return moved

    async def run(self, statement: str, *values: Any) -> None:
        await self.connection.execute(statement, values)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            return await (await cursor.execute(statement, values)).fetchall()

    async def ends(self) -> list[str | None]:
        """Of each notice but updates, how it ended, in the order in which they were asked."""
        rows = await self.rows("SELECT ended FROM notices WHERE why <> 'update' ORDER BY asked_at, id")
        return [row["ended"] for row in rows]

    async def attempts(self) -> list[tuple[str, str | None]]:
        rows = await self.rows("SELECT label, outcome FROM delivery_attempts ORDER BY started_at, id")
        return [(row["label"], row["outcome"]) for row in rows]

    async def until(self, statement: str, *values: Any, limit: float = 8) -> list[dict[str, Any]]:
        """Rows, once there are any."""
        async with asyncio.timeout(PATIENCE * limit):
            while not (found := await self.rows(statement, *values)):
                await asyncio.sleep(0.02)
            return found

    @asynccontextmanager
    async def delivered(self, limits: Limits = BRISK) -> AsyncIterator[Delivery]:
        """While somebody delivers: the process's tasks, on connections that are closed in order."""
        delivery = Delivery(self.settings, limits)
        works = {"listen": delivery._listen, **delivery.tasks()}
        url = self.settings.database_url
        connections = {name: await AsyncConnection.connect(url, autocommit=True) for name in works}
        tasks = [asyncio.create_task(work(connections[name], lambda: None)) for name, work in works.items()]
        try:
            yield delivery
            assert not any(task.done() for task in tasks), tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for connection in connections.values():
                await connection.close()


@asynccontextmanager
async def family_at(database_url: str, *, consents: bool = True) -> AsyncIterator[Family]:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield await Family(connection, database_url).settle_in(consents=consents)
