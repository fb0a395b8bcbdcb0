"""Looks after devices: one sweep, then what follows from it, an alert a transaction. One worker at a time."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from alerts.area_alerts import cover, follow_next
from alerts.device_alerts import claim_due, put_off, raise_alone, tell_next_end
from alerts.device_habits import expect_new, learn_some
from alerts.device_round import Round, go_round
from alerts.device_sweep import note_return, note_silence
from alerts.hearing import note_hearing
from alerts.presses import press_waits
from services.storage.errors import is_conflict, is_outage

Connection = AsyncConnection[Any]

#: What is left is for the next turn: nothing here is in a hurry.
ALERTS_A_TURN = 100
#: Sweeps: a device that was enrolled a minute ago is not missed yet.
EXPECT_EVERY = 12

# By transaction: a worker that hangs is let go by the server, and another one goes on.
_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('anhu devices', 0))"


@dataclass(frozen=True, slots=True)
class Failure:
    """Something could not be done; it is tried again by the next turn, after all others."""

    error: Exception


@dataclass(slots=True)
class Rounds:
    """Where the round of all devices is, and what is done now and then. It may begin anew with any process."""

    all: Round = field(default_factory=Round)
    sweeps: int = 0
    more_are_new: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn did."""

    noted: int = 0
    returned: int = 0
    alerts: int = 0


async def look_after_devices(connection: Connection, rounds: Rounds) -> Turn | Failure:
    """A sweep and what follows. Raises psycopg.Error when the database takes nothing now."""
    noted = returned = alerts = 0
    try:
        async with connection.transaction():
            if not await _ours(connection):
                return Turn()
            now, noted, returned = await _sweep(connection, rounds)
        while begun := await _next_incident(connection, now):
            alerts += 1
        if begun is None:
            return Turn(noted, returned, alerts)
        while alerts < ALERTS_A_TURN:
            done = await _next_alert(connection, now)
            if isinstance(done, Failure):
                return done
            if not done:
                break
            alerts += 1
    except Exception as error:
        if is_conflict(error):
            return Turn(noted, returned, alerts)
        if connection.closed or is_outage(error):
            raise
        return Failure(error)
    return Turn(noted, returned, alerts)


async def _ours(connection: Connection) -> bool:
    row = await (await connection.execute(_ONE_AT_A_TIME)).fetchone()
    return bool(row and row[0])


async def _sweep(connection: Connection, rounds: Rounds) -> tuple[datetime, int, int]:
    hearing, now = await note_hearing(connection)
    if rounds.more_are_new or rounds.sweeps % EXPECT_EVERY == 0:
        rounds.more_are_new = await expect_new(connection)
    rounds.sweeps += 1
    returned = await note_return(connection)
    noted = await note_silence(connection, hearing, now)
    if hearing.since is not None:
        await go_round(connection, rounds.all, hearing, now)
        await learn_some(connection, now)
    return now, noted, returned


async def _may_write(connection: Connection) -> bool:
    """Whether it is our turn, and no press waits: it goes first."""
    return await _ours(connection) and not await press_waits(connection)


async def _next_incident(connection: Connection, now: datetime) -> bool | None:
    """Whether one began; None when it was not looked, and nobody may be alone yet."""
    async with connection.transaction():
        return await cover(connection, now) if await _may_write(connection) else None


async def _next_alert(connection: Connection, now: datetime) -> bool | Failure:
    """Writes at most one alert; False when there is nothing to write now."""
    condition_id = None
    try:
        async with connection.transaction():
            if not await _may_write(connection):
                return False
            condition_id = await claim_due(connection, now)
            if condition_id is not None:
                await raise_alone(connection, condition_id)
                return True
            return await tell_next_end(connection) or await follow_next(connection, now)
    except Exception as error:
        if condition_id is None or is_conflict(error) or connection.closed or is_outage(error):
            raise
        async with connection.transaction():
            await put_off(connection, condition_id, error)
        return Failure(error)
