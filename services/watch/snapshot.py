"""One look at the database, for the audit to judge; and what it found, kept where every api finds it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from services.stations.problems import problems_of, workers
from services.watch.audit import Kept, Probe, Snapshot, Unscheduled, Waiting

Connection = AsyncConnection[Any]

# Red and not answered: it must have a timer, or be shown at the root already. And so must what becomes worse by itself.
_UNSCHEDULED = """
SELECT a.id, a.organization_id, a.type, a.severity, a.raised_at FROM alerts a
WHERE a.state = 'triggered' AND NOT EXISTS (SELECT FROM alert_timers t WHERE t.alert_id = a.id)
  AND (a.severity = 'red' AND NOT EXISTS (
           SELECT FROM alert_routes r JOIN organizations o ON o.id = r.organization_id
           WHERE r.alert_id = a.id AND o.parent_id IS NULL)
       OR EXISTS (SELECT FROM alert_rules r
                  WHERE r.type = a.type AND r.then_seconds IS NOT NULL AND r.severity = a.severity))
ORDER BY a.raised_at LIMIT 1000
"""
# Plans of ten thousand silent devices may take their time: what a red one must not miss has a timer of its own.
_TIMERS = """
SELECT count(*), min(due_at) FROM alert_timers
WHERE kind <> 'plan' AND due_at <= statement_timestamp() - interval '5 seconds'
"""
#: What must move, and how each says since when its first one waits: (count, oldest, failing).
MOVING: Final[Mapping[str, str]] = {
    "event_queue": "SELECT count(*), min(queued_at), count(*) FILTER (WHERE attempts > 0) FROM event_queue",
    "outbox": "SELECT count(*), min(created_at), 0 FROM outbox",
    "notices": "SELECT count(*), min(greatest(next_at, asked_at)), 0 FROM notices"
    " WHERE ended_at IS NULL AND next_at <= clock_timestamp()",
}
_PROBES = """
SELECT p.organization_id, o.name, p.missing_since, p.misses, p.stopped_at, p.tried_at
FROM probe_results p JOIN organizations o ON o.id = p.organization_id
"""
_NOW = "SELECT clock_timestamp()"
_KEEP = """
INSERT INTO audit_findings (id, code, subject, organization_id, grave, message, detail, first_seen_at, last_seen_at)
VALUES (%(id)s, %(code)s, %(subject)s, (SELECT id FROM organizations WHERE id = %(organization_id)s), %(grave)s,
        %(message)s, %(detail)s, %(first)s, clock_timestamp())
ON CONFLICT (code, subject) WHERE ended_at IS NULL DO UPDATE
SET last_seen_at = excluded.last_seen_at, grave = excluded.grave, message = excluded.message, detail = excluded.detail
"""
_END = """
UPDATE audit_findings SET ended_at = clock_timestamp()
WHERE ended_at IS NULL AND NOT (code, subject) IN (SELECT * FROM unnest(%(codes)s::text[], %(subjects)s::text[]))
"""


async def look(connection: Connection, probe_seconds: float, watching_since: datetime | None) -> Snapshot:
    """What there is to be judged. Raises psycopg.Error when the database does not answer: that is a finding too."""
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        clock = await (await connection.execute(_NOW)).fetchone()
        assert clock is not None
        now: datetime = clock[0]
        unscheduled = await (await connection.execute(_UNSCHEDULED)).fetchall()
        timers = await (await connection.execute(_TIMERS)).fetchone()
        assert timers is not None
        queues: dict[str, Waiting] = {}
        for name, statement in MOVING.items():
            row = await (await connection.execute(statement)).fetchone()
            assert row is not None
            queues[name] = Waiting(*row)
        problems = problems_of(await workers(connection))
        async with connection.cursor(row_factory=dict_row) as cursor:
            probes = [Probe(**row) for row in await (await cursor.execute(_PROBES)).fetchall()]
    return Snapshot(
        now=now,
        unscheduled=[Unscheduled(*row) for row in unscheduled],
        late_timers=timers[0],
        latest_timer_at=timers[1],
        queues=queues,
        workers=[(one.code, one.message, one.detail) for one in problems],
        probes=probes,
        probing_stopped_since=_stopped(probes, probe_seconds, watching_since, now),
    )


async def keep(connection: Connection, on: Sequence[Kept]) -> None:
    """Those that were told are rows; whatever else was on is over."""
    told = [one for one in on if one.told_at is not None]
    async with connection.transaction():
        for one in told:
            finding = one.finding
            values = {
                "id": uuid7(),
                "code": finding.code,
                "subject": finding.subject,
                "organization_id": finding.organization_id,
                "grave": finding.grave,
                "message": finding.message,
                "detail": finding.detail,
                "first": one.first_seen_at,
            }
            await connection.execute(_KEEP, values)
        codes, subjects = [one.finding.code for one in told], [one.finding.subject for one in told]
        await connection.execute(_END, {"codes": codes, "subjects": subjects})


def _stopped(
    probes: Sequence[Probe], probe_seconds: float, watching_since: datetime | None, now: datetime
) -> datetime | None:
    """Since when none was tried, once that is three times as long as it should be."""
    if watching_since is None or probe_seconds <= 0:
        return None
    last = max([watching_since, *(one.tried_at for one in probes)])
    return last if now - last > timedelta(seconds=max(3 * probe_seconds, 60)) else None
