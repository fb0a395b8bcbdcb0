"""Writes what was held back, in the caller's transaction: the only place that does. Nothing red or urgent gets here:
there is no `Candidate` of it, and the table refuses it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from alerts.covers import covers_over
from alerts.domain.alert import Rule
from alerts.domain.holding import Candidate, Hold, Whose, hold, of_event
from alerts.domain.intake import Event, Home

Connection = AsyncConnection[Any]

_COLUMNS = (
    *("id", "reason", "cover_id", "inhibited_by", "type", "severity", "title", "elder_id", "device_id"),
    *("organization_id", "cause", "first_at", "last_at", "episode_id", "event"),
)
_HELD = f"""
INSERT INTO held_alerts ({", ".join(_COLUMNS)}) VALUES ({", ".join(f"%({name})s" for name in _COLUMNS)})
ON CONFLICT ({{}}, type, cause) WHERE alert_id IS NULL DO UPDATE
SET times = held_alerts.times + 1, last_at = excluded.last_at, device_id = excluded.device_id, title = excluded.title,
    episode_id = excluded.episode_id, event = excluded.event,
    -- The worst of them: in the order of the colours.
    severity = (SELECT c FROM unnest(ARRAY['orange', 'yellow', 'blue']) WITH ORDINALITY AS colours (c, place)
                WHERE c IN (held_alerts.severity, excluded.severity) ORDER BY place LIMIT 1)
"""
_UNDER_COVER, _INHIBITED = _HELD.format("cover_id"), _HELD.format("inhibited_by")
_RAISED = "UPDATE held_alerts SET alert_id = %s WHERE episode_id = %s AND alert_id IS NULL"
_PATH = "SELECT path, clock_timestamp() FROM organizations WHERE id = %s"


async def hold_event(connection: Connection, event: Event, rule: Rule, home: Home) -> bool:
    """Holds an event back, when it may be and a cover does. What is urgent is not even looked up."""
    if of_event(rule, Whose((), None, event.device_id)) is None:
        return False
    row = await (await connection.execute(_PATH, (home.organization_id,))).fetchone()
    assert row is not None  # the foreign keys of elders, devices and events
    path, now = row
    elder_id = home.elder.id if home.elder else None
    candidate = of_event(rule, Whose(tuple(path), elder_id, event.device_id))
    if candidate is None:
        return False
    held = hold(candidate, await covers_over(connection, path, elder_id, [event.device_id], now), now)
    if held is None:
        return False
    more = {"title": rule.title, "event": event.id}
    await _save_under_cover(connection, held, home.organization_id, now, more)
    return True


async def hold_episode(
    connection: Connection, held: Hold, episode_id: UUID, title: str, organization_id: UUID, now: datetime
) -> None:
    await _save_under_cover(connection, held, organization_id, now, {"title": title, "episode_id": episode_id})


async def inhibit_episode(
    connection: Connection,
    candidate: Candidate,
    worse: UUID | None,
    episode_id: UUID,
    title: str,
    organization_id: UUID,
    now: datetime,
) -> None:
    """`worse`: the episode that inhibits it."""
    row = _row(candidate, "inhibition", organization_id, now)
    more = {"inhibited_by": worse, "title": title, "episode_id": episode_id}
    await connection.execute(_INHIBITED, row | more)


async def raised_after_all(connection: Connection, episode_id: UUID, alert_id: UUID) -> None:
    await connection.execute(_RAISED, (alert_id, episode_id))


async def _save_under_cover(
    connection: Connection, held: Hold, organization_id: UUID, now: datetime, more: Mapping[str, Any]
) -> None:
    row = _row(held.candidate, held.cover.kind.value, organization_id, now)
    await connection.execute(_UNDER_COVER, row | {"cover_id": held.cover.id} | dict(more))


def _row(candidate: Candidate, reason: str, organization_id: UUID, now: datetime) -> dict[str, Any]:
    whose = candidate.whose
    absent = dict.fromkeys(_COLUMNS)
    return absent | {
        "id": uuid7(),
        "reason": reason,
        "type": candidate.type,
        "severity": candidate.severity.value,
        "elder_id": whose.elder_id,
        "device_id": whose.device_id,
        "organization_id": organization_id,
        "cause": str(whose.elder_id or whose.device_id),
        "first_at": now,
        "last_at": now,
    }
