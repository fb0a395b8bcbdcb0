"""Takes one event from the queue and does what the domain says of it: one event, one transaction."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.domain import intake
from alerts.domain.alert import Alert, Change, Person, Position, Rule
from alerts.domain.intake import Event, Home, SecondLook
from alerts.drill_press import with_drill_look
from alerts.held_ledger import hold_event
from alerts.living_samples import SIGNS
from alerts.probe import PROBE, pass_probe_on
from services.registry.whereabouts import PLACE_P
from services.storage.errors import is_conflict, is_outage

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

# Emergencies first; in the order of their coming for each device; one that failed before does not hold up the next.
_CLAIM = """
SELECT q.event, q.attempts FROM event_queue q
WHERE q.not_before <= clock_timestamp()
  AND NOT EXISTS (SELECT FROM event_queue e
                  WHERE e.device_id = q.device_id AND e.event < q.event AND e.attempts = 0
                    AND (e.urgent OR NOT q.urgent))
ORDER BY q.urgent DESC, q.event LIMIT 1 FOR UPDATE OF q SKIP LOCKED
"""
_EVENT = f"""
SELECT e.*, d.kind AS device_kind, p.name AS elder_name, {PLACE_P}, clock_timestamp() AS now,
       CASE WHEN r.type IS NOT NULL THEN jsonb_build_array({ledger.RULE}) END AS rule,
       coalesce(p.organization_id, e.organization_id,
                (SELECT id FROM organizations WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1)) AS home
FROM events e
LEFT JOIN devices d ON d.device_id = e.device_id
LEFT JOIN elders p ON p.id = e.elder_id
LEFT JOIN alert_rules r ON r.type = e.type
WHERE e.id = %s
"""
_DONE = "DELETE FROM event_queue WHERE event = %s"
_FAILED = """
UPDATE event_queue SET attempts = attempts + 1, last_error = %s,
       not_before = clock_timestamp() + make_interval(secs => least(power(2, attempts), 30))
WHERE event = %s
"""
_CANCELLED_EVENT = """
SELECT e.id, ae.alert_id FROM events e JOIN alert_events ae ON ae.event = e.id
WHERE e.device_id = %s AND e.event_id = %s AND e.type <> 'cancel' ORDER BY e.id DESC LIMIT 1
"""
_MARK_CANCELLED = "UPDATE events SET cancelled_at = %s WHERE id = ANY(%s)"
_ALL_CANCELLED = """
SELECT bool_and(e.cancelled_at IS NOT NULL) FROM alert_events ae JOIN events e ON e.id = ae.event
WHERE ae.alert_id = %s
"""
_WAITING_CANCELS = """
SELECT *, NULL AS device_kind FROM events
WHERE device_id = %s AND cancels = %s AND type = 'cancel' AND cancelled_at IS NULL ORDER BY id
"""
_SERVICE_REQUEST = """
INSERT INTO service_requests (id, event, organization_id, elder_id, device_id, service, requested_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
# Rules on what people do look at whoever gave a sign of life.
_MARK = """
WITH marked AS (INSERT INTO rule_checks (elder_id, since) VALUES (%s, %s)) SELECT pg_notify('anhu_rules', '')
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """What became of an event that could not be taken in: it stays in the queue and is tried again later."""

    event: int
    error: Exception


async def take_in_next(connection: Connection) -> bool | Failure:
    """Claims and takes in one event; False when there is none to claim. Raises psycopg.Error when the database
    takes nothing now, whatever the event.

    The claim is a row lock: when this process dies, PostgreSQL gives the event to the next claim.
    """
    event_row: int | None = None
    try:
        async with connection.transaction():
            claimed = await (await connection.execute(_CLAIM)).fetchone()
            if claimed is None:
                return False
            event_row = claimed[0]
            await _take_in(connection, claimed[0], attempts=claimed[1])
            await connection.execute(_DONE, (claimed[0],))
        return True
    except Exception as error:
        if is_conflict(error):
            return True
        if event_row is None or connection.closed or is_outage(error):
            raise
        async with connection.transaction():
            await connection.execute(_FAILED, (str(error)[:1000], event_row))
        return Failure(event_row, error)


async def _take_in(connection: Connection, event_row: int, attempts: int) -> None:
    async with connection.cursor(row_factory=dict_row) as cursor:

        async def load() -> None:
            await cursor.execute(_EVENT, (event_row,))

        drill = await with_drill_look(connection, event_row, attempts, load)
        row = await cursor.fetchone()
    assert row is not None  # the queue's foreign key
    if row["type"] == PROBE:
        await pass_probe_on(connection, row["id"], row["detail"], row["now"])
        return
    event = replace(_event_of(row), drill=drill)
    elder = Person(row["elder_id"], row["elder_name"]) if row["elder_id"] else None
    now: datetime = row["now"]
    if event.type == "cancel":
        if row["cancelled_at"] is None:  # else the fall came meanwhile, and took it
            await _cancel(connection, event, now)
        return
    if event.type == "service_request":
        service = str((event.detail or {}).get("service", ""))
        await connection.execute(
            _SERVICE_REQUEST,
            (uuid7(), event.id, _home_of(row, elder).organization_id, row["elder_id"], event.device_id, service, now),
        )
        return
    if row["rule"] is None:
        if elder is not None and event.type in SIGNS:
            await connection.execute(_MARK, (elder.id, event.occurred_at))
        return
    rule, home = ledger.rule_of(event.type, row["rule"]), _home_of(row, elder)
    if not await hold_event(connection, event, rule, home):
        await _raise_or_fold(connection, event, rule, home, _look(event, attempts))


def _look(event: Event, attempts: int) -> SecondLook | None:
    """A second opinion, but on the first attempt alone: should one ever fail, the fall is raised without it."""
    if attempts == 0:
        return intake.look_again(event)
    if event.type == "fall" and event.detail and event.detail.get("acceleration") is not None:
        return SecondLook.missing(event, "an earlier attempt to take this event in failed, so this one goes without")
    return None


async def _raise_or_fold(connection: Connection, event: Event, rule: Rule, home: Home, look: SecondLook | None) -> None:
    candidates, now = await ledger.lock_same_cause(connection, event.type, home.elder, event.device_id)
    before = intake.fold_target(candidates, event, home, now)
    change = intake.fold(before, event, look) if before else intake.raise_alert(event, rule, home, uuid7(), now, look)
    await ledger.save(connection, before, change, now, ledger.Folded(event.id, event.device_id, event.event_id))
    alert = change.alert
    for waiting in await _waiting_cancels(connection, event):
        if intake.waiting_cancel_fits(waiting, event):
            alert = (await _apply_cancel(connection, alert, rule, cancel=waiting, of=event.id, now=now)).alert


async def _cancel(connection: Connection, event: Event, now: datetime) -> None:
    found = await (await connection.execute(_CANCELLED_EVENT, (event.device_id, event.cancels))).fetchone()
    if found is None:
        log.info("a cancel of %s waits for its event %s", event.device_id, event.cancels)
        return
    cancelled_event, alert_id = found
    locked = await ledger.lock_alert(connection, alert_id)
    assert locked is not None
    alert, now = locked
    rule = await ledger.load_rule(connection, alert.type)
    await _apply_cancel(connection, alert, rule, cancel=event, of=cancelled_event, now=now)


async def _apply_cancel(
    connection: Connection, alert: Alert, rule: Rule | None, *, cancel: Event, of: int, now: datetime
) -> Change:
    await connection.execute(_MARK_CANCELLED, (now, [of, cancel.id]))
    all_cancelled = await (await connection.execute(_ALL_CANCELLED, (alert.id,))).fetchone()
    change = intake.cancel(alert, rule, cancel, bool(all_cancelled and all_cancelled[0]), now)
    await ledger.save(connection, alert, change, now)
    return change


async def _waiting_cancels(connection: Connection, event: Event) -> list[Event]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_WAITING_CANCELS, (event.device_id, event.event_id))
        return [_event_of(row) for row in await cursor.fetchall()]


def _home_of(row: dict[str, Any], elder: Person | None) -> Home:
    if row["home"] is None:
        raise LookupError("there is no organisation yet, so no station to tell: make the root organisation first")
    return Home(row["home"], elder, row["address"])


def _event_of(row: dict[str, Any]) -> Event:
    return Event(
        id=row["id"],
        device_id=row["device_id"],
        device_kind=row["device_kind"],
        event_id=row["event_id"],
        type=row["type"],
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
        clock_suspect=row["clock_suspect"],
        event_id_reused=row["event_id_reused"],
        cancels=row["cancels"],
        position=None if row["lat"] is None else Position(row["lat"], row["lon"], row["accuracy"]),
        detail=row["detail"],
    )
