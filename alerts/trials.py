"""Trials of rules as rows: asked, claimed, noted, ended. Whoever runs one may die at any time: another one begins it
again."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from alerts.backtest import Trial, backtest
from alerts.change_rule import read_rule
from alerts.domain.alert import Actor
from alerts.domain.rules.check import Flaw
from alerts.domain.rules.definition import DefinitionError, json_of
from alerts.domain.rules.model import Rule
from alerts.domain.rules.trying import LONGEST, TRIED_ID, TRIED_VERSION, Period
from services.storage.errors import is_outage

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

MOST_ATTEMPTS: Final = 3
NOTE_SECONDS: Final = 1.0
#: Who has not noted anything for so long is dead.
_DEAD: Final = "noted_at < clock_timestamp() - interval '30 seconds'"
_TOLD: Final = "试运行没有完成，请缩短时间范围后再试；仍然不行请联系技术人员"

_ASK = """
INSERT INTO rule_trials (id, definition, starts_at, ends_at, organizations, asked_by, asked_by_name)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_HINT = "SELECT pg_notify('anhu_trials', '')"
_GIVE_UP = f"""
UPDATE rule_trials SET state = 'failed', error = %s
WHERE state = 'running' AND attempts >= {MOST_ATTEMPTS} AND {_DEAD}
"""
_CLAIM = f"""
UPDATE rule_trials SET state = 'running', attempts = attempts + 1, progress = 0, noted_at = clock_timestamp()
WHERE id = (SELECT id FROM rule_trials WHERE state = 'waiting' OR state = 'running' AND {_DEAD}
            ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, attempts, definition, organizations, starts_at, ends_at
"""
# Of whoever has it now: not when it was stopped, nor when another one took us for dead.
_OURS = "WHERE id = %s AND attempts = %s AND state = 'running'"
_NOTE = f"UPDATE rule_trials SET progress = %s, noted_at = clock_timestamp() {_OURS}"
_DONE = f"UPDATE rule_trials SET progress = 1, state = 'done', result = %s {_OURS}"
_FAILED = f"UPDATE rule_trials SET state = 'failed', error = %s {_OURS}"
_AGAIN = f"UPDATE rule_trials SET state = 'waiting' {_OURS}"
_STOP = "UPDATE rule_trials SET state = 'stopped' WHERE id = %s AND state IN ('waiting', 'running')"


@dataclass(frozen=True, slots=True)
class _Claimed:
    id: UUID
    attempts: int
    definition: Mapping[str, Any]
    organizations: Sequence[UUID]
    starts_at: datetime
    ends_at: datetime

    @property
    def trial(self) -> Trial:
        return Trial(tried(self.definition), self.organizations, Period(self.starts_at, self.ends_at))


def tried(definition: Mapping[str, Any]) -> Rule:
    """A definition as people write it, as the rule that is tried. Raises DefinitionError."""
    return read_rule(definition, TRIED_ID, TRIED_VERSION)


def time_flaws(start: datetime, end: datetime, now: datetime) -> list[Flaw]:
    found = []
    if start >= end:
        found.append(Flaw("from", "开始时间必须早于结束时间"))
    if end - start > LONGEST:
        found.append(Flaw("to", f"一次最多试运行 {LONGEST.days} 天，请缩短时间范围"))
    if end > now:
        found.append(Flaw("to", "只能在过去的时间上试运行，结束时间不能晚于现在"))
    return found


async def ask_trial(
    connection: Connection, rule: Rule, start: datetime, end: datetime, organizations: Sequence[UUID], actor: Actor
) -> UUID:
    """Somebody wants it tried, on those whom they reach. `rule`: as `tried` makes it."""
    trial_id = uuid7()
    definition = {name: value for name, value in json_of(rule).items() if name not in ("id", "version")}
    row = (trial_id, Jsonb(definition), start, end, list(organizations), actor.id, actor.name)
    async with connection.transaction():
        await connection.execute(_ASK, row)
        await connection.execute(_HINT)
    return trial_id


async def stop_trial(connection: Connection, trial_id: UUID) -> None:
    """Whoever runs it notices within a second. One that has ended stays as it is."""
    await connection.execute(_STOP, (trial_id,))


async def run_next(connection: Connection, database_url: str, processes: int = 2) -> bool:
    """Claims one and runs it; False when there is none. Raises psycopg.Error when the database takes nothing now."""
    await connection.execute(_GIVE_UP, (_TOLD,))
    row = await (await connection.execute(_CLAIM)).fetchone()
    if row is None:
        return False
    claimed = _Claimed(*row)
    ours = (claimed.id, claimed.attempts)
    done: list[float] = [0.0]

    def tell(share: float) -> None:
        done[0] = share

    try:
        trial = claimed.trial
    except DefinitionError as error:  # a newer release understood it
        await connection.execute(_FAILED, (str(error), *ours))
        return True
    work = asyncio.create_task(backtest(database_url, trial, processes=processes, tell=tell))
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=NOTE_SECONDS)
            if not (await connection.execute(_NOTE, (done[0], *ours))).rowcount:
                return True
    finally:
        work.cancel()
        await asyncio.wait({work})
    await _end(connection, work, claimed)
    return True


async def _end(connection: Connection, work: "asyncio.Task[dict[str, Any]]", claimed: _Claimed) -> None:
    ours = (claimed.id, claimed.attempts)
    error = work.exception()
    if error is None:
        await connection.execute(_DONE, (Jsonb(work.result()), *ours))
        return
    log.error("attempt %d at trial %s failed", claimed.attempts, claimed.id, exc_info=error)
    if isinstance(error, Exception) and is_outage(error):
        raise error
    if claimed.attempts >= MOST_ATTEMPTS:
        await connection.execute(_FAILED, (_TOLD, *ours))
    else:
        await connection.execute(_AGAIN, ours)
