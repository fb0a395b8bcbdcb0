"""When we were hearing devices at all, kept by whoever sweeps: silence counts only then."""

from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection

from alerts.domain.outage import NEVER, Gap, Hearing, gap_found

Connection = AsyncConnection[Any]

# The broker shares the devices out among the slots: one that nobody hears keeps its share waiting. And what a gateway
# that is stuck has received is not stored.
_NOW = """
SELECT clock_timestamp(), h.looked_at,
       coalesce((SELECT bool_and(s.heard_at > clock_timestamp() - interval '5 seconds') FROM gateway_slots s), false)
       AND NOT EXISTS (SELECT FROM workers w WHERE w.kind = 'gateway' AND w.status ->> 'stuck' = 'true'
                         AND w.beat_at > clock_timestamp() - interval '5 seconds'),
       EXISTS (SELECT FROM hearing_gaps WHERE ended_at IS NULL)
FROM hearing h
"""
_LOOKED = "UPDATE hearing SET looked_at = %s"
_BEGIN = "INSERT INTO hearing_gaps (began_at) VALUES (%s) ON CONFLICT DO NOTHING"
_END = "UPDATE hearing_gaps SET ended_at = greatest(%s, began_at) WHERE ended_at IS NULL"
_FORGET = "DELETE FROM hearing_gaps WHERE ended_at < %s"
_GAPS = "SELECT began_at, ended_at FROM hearing_gaps ORDER BY began_at"


async def note_hearing(connection: Connection) -> tuple[Hearing, datetime]:
    """In the caller's transaction. The time is the database's."""
    row = await (await connection.execute(_NOW)).fetchone()
    assert row is not None  # the migration made it
    now, looked_at, hears, deaf = row
    begun = gap_found(looked_at, hears, deaf, now)
    if begun is not None:
        await connection.execute(_BEGIN, (begun,))
    if hears and (deaf or begun is not None):
        await connection.execute(_END, (now,))
        await connection.execute(_FORGET, (now - NEVER,))
    await connection.execute(_LOOKED, (now,))
    gaps = await (await connection.execute(_GAPS)).fetchall()
    over = tuple(Gap(began_at, ended_at) for began_at, ended_at in gaps if ended_at is not None)
    if not hears:
        return Hearing(None, over), now
    return Hearing(max((gap.ended_at for gap in over), default=datetime.min.replace(tzinfo=UTC)), over), now
