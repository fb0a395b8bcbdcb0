"""Reads and writes alerts. The only place that writes one: a change is saved with its timeline, timers, routes,
receipts, notices and live frames in the caller's one transaction. It does not decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from alerts.domain.alert import Alert, Change, Person, Position, RaisedBy, Rule, Severity, State, Timer, TimerKind
from alerts.domain.receipts import receipt
from alerts.domain.updates import worth_telling
from alerts.presentation import alert_json

Connection = AsyncConnection[Any]

ALERT = """
SELECT a.*, e.name AS elder_name, clock_timestamp() AS now
FROM alerts a LEFT JOIN elders e ON e.id = a.elder_id
"""
_LOCKED = ALERT + "WHERE a.id = %s FOR UPDATE OF a"
_UNRESOLVED = "a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')"
_SAME_CAUSE_ELDER = ALERT + f"WHERE a.elder_id = %s AND a.type = %s AND {_UNRESOLVED} FOR UPDATE OF a"
_SAME_CAUSE_DEVICE = (
    ALERT + f"WHERE a.elder_id IS NULL AND a.device_id = %s AND a.type = %s AND {_UNRESOLVED} FOR UPDATE OF a"
)
RULE = "r.severity, r.title, r.then_seconds, r.then_severity, r.then_title"
_RULES = f"SELECT r.type, {RULE} FROM alert_rules r"
_RULE_OF = f"SELECT {RULE} FROM alert_rules r WHERE type = %s"

_COLUMNS = (
    *("id", "type", "severity", "title", "state", "attention", "elder_id", "device_id", "device_kind", "place"),
    *("organization_id", "event_id", "occurred_at", "received_at", "raised_at", "last_move_at", "late_seconds"),
    *("clock_suspect", "event_id_reused", "lat", "lon", "accuracy", "drill", "occurrences", "confidence"),
    *("holder_id", "holder_name", "outcome", "seen_at", "version"),
    *("rule_id", "rule_version", "sentence", "evidence", "detail", "family_safe", "unreached"),
)
_INSERT = f"""
INSERT INTO alerts ({", ".join(_COLUMNS)}) VALUES ({", ".join(f"%({name})s" for name in _COLUMNS)})
"""
_CHANGING = (
    *("severity", "title", "state", "attention", "last_move_at", "place", "lat", "lon", "accuracy"),
    *("occurrences", "confidence", "holder_id", "holder_name", "outcome", "detail", "family_safe"),
    *("unreached", "version"),
)
_UPDATE = f"UPDATE alerts SET {', '.join(f'{name} = %({name})s' for name in _CHANGING)} WHERE id = %(id)s"
_ROUTE = """
INSERT INTO alert_routes (alert_id, organization_id, reason, since) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_ENTRY = """
INSERT INTO alert_timeline (alert_id, at, kind, account_id, actor, origin, note, body, version)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_START = """
INSERT INTO alert_timers (alert_id, rank, kind, due_at) SELECT %s, %s, * FROM unnest(%s::text[], %s::timestamptz[])
ON CONFLICT (alert_id, kind) DO UPDATE SET due_at = excluded.due_at, rank = excluded.rank
"""
_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_STOP = "DELETE FROM alert_timers WHERE alert_id = %s AND kind = ANY(%s)"
_JOIN = "INSERT INTO alert_events (event, alert_id, receipt) VALUES (%s, %s, %s)"
_TELL_ONE = "INSERT INTO outbox (channel, recipient, message) VALUES ('receipt', %s, %s)"
_TELL_ALL = """
WITH told AS (
    UPDATE alert_events ae SET receipt = %(receipt)s || jsonb_build_object('event_id', e.event_id)
    FROM events e WHERE e.id = ae.event AND ae.alert_id = %(alert_id)s
    RETURNING e.id, e.device_id, ae.receipt
)
INSERT INTO outbox (channel, recipient, message) SELECT 'receipt', device_id, receipt FROM told ORDER BY id
"""
_TELL_PERSON = """
INSERT INTO notices (id, alert_id, account_id, key, why, severity, asked_at, about)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, key) DO NOTHING
"""
# Whoever was to be told of the alert; by which channel, and whether one ever reached them, is the delivery's.
_TELL_ON = """
INSERT INTO notices (id, alert_id, account_id, key, why, severity, asked_at, about)
SELECT gen_random_uuid(), alert_id, account_id, %(key)s, 'update', %(severity)s, %(at)s, %(about)s
FROM notices WHERE alert_id = %(alert_id)s AND why NOT IN ('update', 'responder')  -- alerts.answer tells them
GROUP BY alert_id, account_id ON CONFLICT (account_id, key) DO NOTHING
"""
# The heads' row locks are taken in the order of their ids, as everywhere: two changes wait, they do not deadlock.
_FEED = """
WITH heads AS (
    INSERT INTO station_feed_heads (organization_id, seq)
    SELECT organization_id, 1 FROM alert_routes WHERE alert_id = %(alert_id)s ORDER BY organization_id
    ON CONFLICT (organization_id) DO UPDATE SET seq = station_feed_heads.seq + 1
    RETURNING organization_id, seq
)
INSERT INTO station_feed (organization_id, seq, at, alert_id, alert)
SELECT organization_id, seq, %(at)s, %(alert_id)s, %(alert)s FROM heads
"""
_NOTIFY = "SELECT pg_notify('anhu_feed', ''), pg_notify('anhu_outbox', '')"
_NOTIFY_PLANS = "SELECT pg_notify('anhu_feed', ''), pg_notify('anhu_outbox', ''), pg_notify('anhu_plans', '')"
_NOTIFY_NOTICES = "SELECT pg_notify('anhu_notices', '')"


@dataclass(frozen=True, slots=True)
class Folded:
    """The event that a change takes into its alert."""

    id: int
    device_id: str
    event_id: str


def alert_of(row: dict[str, Any]) -> Alert:
    """A row of ALERT as the domain's value."""
    return Alert(
        id=row["id"],
        type=row["type"],
        severity=Severity(row["severity"]),
        title=row["title"],
        state=State(row["state"]),
        attention=row["attention"],
        elder=Person(row["elder_id"], row["elder_name"]) if row["elder_id"] else None,
        device_id=row["device_id"],
        device_kind=row["device_kind"],
        place=row["place"],
        organization_id=row["organization_id"],
        event_id=row["event_id"],
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
        raised_at=row["raised_at"],
        last_move_at=row["last_move_at"],
        late_seconds=row["late_seconds"],
        clock_suspect=row["clock_suspect"],
        event_id_reused=row["event_id_reused"],
        position=None if row["lat"] is None else Position(row["lat"], row["lon"], row["accuracy"]),
        drill=row["drill"],
        occurrences=row["occurrences"],
        confidence=row["confidence"],
        holder=Person(row["holder_id"], row["holder_name"]) if row["holder_id"] else None,
        outcome=row["outcome"],
        seen_at=row["seen_at"],
        version=row["version"],
        raised_by=RaisedBy(row["rule_id"], row["rule_version"], row["sentence"], row["evidence"])
        if row["rule_id"]
        else None,
        detail=row["detail"],
        family_safe=row["family_safe"],
        unreached=row["unreached"],
    )


async def lock_alert(connection: Connection, alert_id: UUID) -> tuple[Alert, datetime] | None:
    """The alert, locked to the end of the transaction, and the database's time after the lock was had."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_LOCKED, (alert_id,))).fetchone()
        if row is None:
            return None
        clock = await (await cursor.execute("SELECT clock_timestamp() AS now")).fetchone()
        assert clock is not None
        return alert_of(row), clock["now"]


async def lock_same_cause(
    connection: Connection, kind: str, elder: Person | None, device_id: str
) -> tuple[Sequence[Alert], datetime]:
    """The unresolved alerts of one cause, and the database's time after the lock was had. Until the transaction ends
    nobody else raises or folds for that cause."""
    cause = f"cause {elder.id if elder else device_id} {kind}"
    statement = _SAME_CAUSE_ELDER if elder else _SAME_CAUSE_DEVICE
    async with connection.cursor(row_factory=dict_row) as cursor:
        # One round trip; each statement sees what was committed while the one before it waited.
        async with connection.pipeline():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (cause,))
            await cursor.execute(statement, (elder.id if elder else device_id, kind))
            clock = await connection.execute("SELECT clock_timestamp()")
        now = await clock.fetchone()
        assert now is not None
        return [alert_of(row) for row in await cursor.fetchall()], now[0]


def rule_of(type: str, row: Sequence[Any]) -> Rule:
    """A row of RULE as the domain's value."""
    severity, title, then_seconds, then_severity, then_title = row
    return Rule(type, Severity(severity), title, then_seconds, then_severity and Severity(then_severity), then_title)


async def load_rules(connection: Connection) -> dict[str, Rule]:
    """The table type → severity."""
    rows = await (await connection.execute(_RULES)).fetchall()
    return {type: rule_of(type, row) for type, *row in rows}


async def load_rule(connection: Connection, type: str) -> Rule | None:
    """What the table type → severity says of a type."""
    row = await (await connection.execute(_RULE_OF, (type,))).fetchone()
    return rule_of(type, row) if row else None


async def save(
    connection: Connection, before: Alert | None, change: Change, at: datetime, event: Folded | None = None
) -> None:
    """Writes a change, in the caller's transaction. `before` is None for a new alert."""
    alert = change.alert
    row = _row(alert)
    #: what leaves the alert as it is, as telling somebody does, is no news for a screen
    shown = before is None or alert.version != before.version
    timers = (*change.start, Timer(TimerKind.PLAN, at)) if change.replan else change.start
    async with connection.pipeline():
        if before is None:
            await connection.execute(_INSERT, row)
        elif shown:
            await connection.execute(_UPDATE, row)
        if change.route is not None:
            organization_id, reason = change.route
            await connection.execute(_ROUTE, (alert.id, organization_id, reason, at))
        for organization_id in change.shared:
            await connection.execute(_ROUTE, (alert.id, organization_id, "shared", at))
        for entry in change.entries:
            actor = entry.actor
            await connection.execute(
                _ENTRY,
                (
                    alert.id,
                    at,
                    entry.kind,
                    actor.id if actor else None,
                    actor.name if actor else None,
                    actor.origin if actor else None,
                    entry.note,
                    Jsonb(entry.body) if entry.body is not None else None,
                    alert.version,
                ),
            )
        if change.stop:
            await connection.execute(_STOP, (alert.id, [kind.value for kind in change.stop]))
        if timers:
            kinds, due = [timer.kind.value for timer in timers], [timer.due_at for timer in timers]
            await connection.execute(_START, (alert.id, _RANK[alert.severity], kinds, due))
        if event is not None:
            told = Jsonb(receipt(event.event_id, alert.stage, at, drill=alert.drill))
            await connection.execute(_JOIN, (event.id, alert.id, told))
            await connection.execute(_TELL_ONE, (event.device_id, told))
        elif before is not None and (before.stage is not alert.stage or change.responder):
            await tell_all(connection, alert, at, change.responder)
        await _tell_people(connection, before, change, at)
        if shown:
            await connection.execute(_FEED, {"alert_id": alert.id, "at": at, "alert": Jsonb(alert_json(alert))})
            await connection.execute(_NOTIFY_PLANS if change.replan else _NOTIFY)


async def _tell_people(connection: Connection, before: Alert | None, change: Change, at: datetime) -> None:
    """Those whom the change names, and, of what is news to them, those who were told of the alert before."""
    alert, about = change.alert, worth_telling(before, change)
    for one in change.tell:
        notice = (uuid7(), alert.id, one.account_id, one.key, one.why, alert.severity.value, at, one.about)
        await connection.execute(_TELL_PERSON, notice)
    if about is not None:
        key = f"update {alert.id} {alert.version}"
        told_on = {"alert_id": alert.id, "key": key, "severity": alert.severity.value, "at": at, "about": about}
        await connection.execute(_TELL_ON, told_on)
    if change.tell or about is not None:
        await connection.execute(_NOTIFY_NOTICES)


async def tell_all(connection: Connection, alert: Alert, at: datetime, responder: str | None = None) -> None:
    """A receipt to the device for each event of the alert."""
    told = receipt("", alert.stage, at, responder, drill=alert.drill)
    await connection.execute(_TELL_ALL, {"alert_id": alert.id, "receipt": Jsonb(told)})


def _row(alert: Alert) -> dict[str, Any]:
    position, holder, raised_by = alert.position, alert.holder, alert.raised_by
    return {
        "id": alert.id,
        "type": alert.type,
        "severity": alert.severity.value,
        "title": alert.title,
        "state": alert.state.value,
        "attention": alert.attention,
        "elder_id": alert.elder.id if alert.elder else None,
        "device_id": alert.device_id,
        "device_kind": alert.device_kind,
        "place": alert.place,
        "organization_id": alert.organization_id,
        "event_id": alert.event_id,
        "occurred_at": alert.occurred_at,
        "received_at": alert.received_at,
        "raised_at": alert.raised_at,
        "last_move_at": alert.last_move_at,
        "late_seconds": alert.late_seconds,
        "clock_suspect": alert.clock_suspect,
        "event_id_reused": alert.event_id_reused,
        "lat": position.lat if position else None,
        "lon": position.lon if position else None,
        "accuracy": position.accuracy if position else None,
        "drill": alert.drill,
        "occurrences": alert.occurrences,
        "confidence": alert.confidence,
        "holder_id": holder.id if holder else None,
        "holder_name": holder.name if holder else None,
        "outcome": alert.outcome,
        "seen_at": alert.seen_at,
        "version": alert.version,
        "rule_id": raised_by.rule_id if raised_by else None,
        "rule_version": raised_by.version if raised_by else None,
        "sentence": raised_by.sentence if raised_by else None,
        "evidence": Jsonb(raised_by.evidence) if raised_by else None,
        "detail": Jsonb(alert.detail) if alert.detail is not None else None,
        "family_safe": alert.family_safe,
        "unreached": alert.unreached,
    }
