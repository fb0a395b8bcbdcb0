"""Keeps in the database which screens are open here and whether somebody watches them: `alerts.station_watch` reads
it. Written each two seconds for all screens of this process at once; a screen that closes is written too."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import psycopg_pool
from uuid_utils.compat import uuid7

from alerts.policies import load_policies, nearest
from services.stations.session import CheckEvery, Session
from services.storage.pool import Connection, Pool

log = logging.getLogger(__name__)

WRITE_SECONDS = 2.0
#: How often it is looked whether organisations ask their screens for a sign of presence.
CHECKS_SECONDS = 15.0

_WRITE = """
INSERT INTO station_screens (id, organization_id, account_id, opened_at, alive_at, watching, closed_at)
SELECT n.id, n.organization_id, n.account_id, now() - n.open, now() - n.silent, n.watching,
       CASE WHEN n.closed THEN now() END
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::interval[], %s::interval[], %s::boolean[], %s::boolean[])
    AS n (id, organization_id, account_id, open, silent, watching, closed)
JOIN organizations o ON o.id = n.organization_id JOIN accounts a ON a.id = n.account_id
ON CONFLICT (id) DO UPDATE
    SET alive_at = excluded.alive_at, watching = excluded.watching, closed_at = excluded.closed_at
"""
_PATHS = "SELECT id, path FROM organizations WHERE id = ANY(%s)"


@dataclass(slots=True)
class _Open:
    organization_id: UUID
    account_id: UUID
    session: Session
    opened: float
    closed: bool = False


class Presence:
    """The screens of this process. A database that is away stops none of them."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool, self._clock = pool, clock
        self._screens: dict[UUID, _Open] = {}
        self._changed = asyncio.Event()
        self._checks: dict[UUID, CheckEvery] = {}
        self._checked_at = -CHECKS_SECONDS
        self._told = False

    def opened(self, organization_id: UUID, account_id: UUID, session: Session) -> UUID:
        """A screen is live; its key, by which it is closed."""
        key: UUID = uuid7()
        self._screens[key] = _Open(organization_id, account_id, session, self._clock())
        self._changed.set()
        return key

    def closed(self, key: UUID) -> None:
        self._screens[key].closed = True
        self._changed.set()

    def check_of(self, organization_id: UUID) -> CheckEvery | None:
        """How its screens ask for a sign of presence now."""
        return self._checks.get(organization_id)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    await self.write(connection)
                    await self._read_checks(connection)
                self._told = False
            except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
                if not self._told:
                    log.error("who watches cannot be written, trying again: %s", str(error).strip())
                self._told = True
            # A screen that comes or goes is written at once, several at once together.
            await asyncio.sleep(WRITE_SECONDS / 4)
            try:
                await asyncio.wait_for(self._changed.wait(), WRITE_SECONDS)
            except TimeoutError:
                continue

    async def write(self, connection: Connection) -> None:
        """What is known of each screen, to the database's clock."""
        self._changed.clear()
        now, screens = self._clock(), dict(self._screens)
        if not screens:
            return
        ones = screens.values()
        closed = [key for key, one in screens.items() if one.closed]
        await connection.execute(
            _WRITE,
            (
                list(screens),
                [one.organization_id for one in ones],
                [one.account_id for one in ones],
                [f"{now - one.opened} seconds" for one in ones],
                [f"{now - one.session.alive_at} seconds" for one in ones],
                [not one.closed and one.session.watched(now) for one in ones],
                [one.closed for one in ones],
            ),
        )
        for key in closed:
            del self._screens[key]

    async def _read_checks(self, connection: Connection) -> None:
        if self._clock() - self._checked_at < CHECKS_SECONDS:
            return
        self._checked_at = self._clock()
        here = {one.organization_id for one in self._screens.values()}
        checks: dict[UUID, CheckEvery] = {}
        if here:
            held = await load_policies(connection)
            rows = await (await connection.execute(_PATHS, (list(here),))).fetchall() if held else []
            for organization_id, path in rows:
                check = nearest(path, held).policy.check
                if check is not None and check.holds(datetime.now(UTC)):
                    every, within = check.every.total_seconds(), check.answer_within.total_seconds()
                    checks[organization_id] = CheckEvery(every, within)
        self._checks = checks
