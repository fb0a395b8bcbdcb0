"""Acts on an alert's timers of escalation: loads who there is, asks the domain, saves; in the caller's transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import ledger
from alerts.domain.alert import Alert, Timer, TimerKind
from alerts.domain.duty import on_duty
from alerts.domain.escalation import Duty, Presence, Running, below, decide, way_up
from alerts.domain.policy import Stage, Step, Who, snapshot
from alerts.domain.policy_definition import snapshot_json, snapshot_of
from alerts.policies import policy_for
from alerts.responders import nearest_able
from alerts.rosters import AHEAD, load_calendar, load_rosters
from alerts.station_watch import unwatched

Connection = AsyncConnection[Any]

#: So many of the nearest responders are asked in parallel.
MOST_RESPONDERS = 5

_WAY = """
SELECT o.path, ARRAY(SELECT r.organization_id FROM alert_routes r WHERE r.alert_id = %s)
FROM organizations o WHERE o.id = %s
"""
_RUNNING = "SELECT snapshot, stage, since, epoch, step, round FROM alert_escalations WHERE alert_id = %s"
_AT_LATEST = "SELECT due_at FROM alert_timers WHERE alert_id = %s AND kind = 'escalate'"
_COPY = """
INSERT INTO alert_escalations
    (alert_id, policy_id, policy_version, snapshot, copied_at, stage, since, epoch, step, round)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_GO_ON = """
UPDATE alert_escalations SET stage = %s, since = %s, epoch = %s, step = %s, round = %s WHERE alert_id = %s
"""
#: Whom the elder wants to be told: else the timeline would say that somebody was.
_CAREGIVERS = """
SELECT c.id, c.name FROM account_elders e JOIN accounts c ON c.id = e.account_id
WHERE e.elder_id = %s AND c.role = 'caregiver' AND c.disabled_at IS NULL AND EXISTS (
    SELECT FROM consents n WHERE n.elder_id = e.elder_id AND n.purpose = 'family_alerts' AND n.withdrawn_at IS NULL)
ORDER BY c.created_at, c.id
"""
_OPERATORS = """
SELECT c.id, c.name FROM account_organizations o JOIN accounts c ON c.id = o.account_id
WHERE o.organization_id = %s AND c.role IN ('operator', 'supervisor') AND c.disabled_at IS NULL
ORDER BY c.created_at, c.id
"""
_NAMES = "SELECT id, name FROM accounts WHERE id = ANY(%s) AND disabled_at IS NULL"


@dataclass(frozen=True, slots=True)
class _Copied:
    """What is kept beside the alert, once."""

    policy_id: UUID | None
    version: int | None


async def escalate(connection: Connection, alert: Alert, prompt: Timer, now: datetime) -> None:
    """The alert is locked. Does what is due and writes down where it stands."""
    running, copied = await _running(connection, alert)
    if prompt.kind is TimerKind.PLAN:
        latest = await (await connection.execute(_AT_LATEST, (alert.id,))).fetchone()
        running = replace(running, at_latest=latest and latest[0])
    path, routed = await _way(connection, alert)
    above = way_up(path, routed)
    wanted = _wanted(alert, running)
    duty = await _duty(connection, alert, wanted, path, above, now)
    presence = Presence(await unwatched(connection, path) if prompt.kind is TimerKind.UNWATCHED else {})
    decision = decide(alert, prompt, running, duty, presence, now)
    if decision.change is not None:
        await ledger.save(connection, alert, decision.change, now)
    await _keep(connection, alert, decision.running, copied, now)


async def _running(connection: Connection, alert: Alert) -> tuple[Running, _Copied | None]:
    """Where it stands; and what is to be copied, when this is the first look at it."""
    row = await (await connection.execute(_RUNNING, (alert.id,))).fetchone()
    if row is not None:
        kept, stage, since, epoch, step, round_ = row
        return Running(snapshot_of(kept), Stage(stage) if stage else None, since, epoch, step, round_), None
    path, _ = await _way(connection, alert)
    held = await policy_for(connection, path)
    calendar = await load_calendar(connection)
    return Running(snapshot(held.policy, calendar, alert.raised_at)), _Copied(held.policy_id, held.version)


async def _way(connection: Connection, alert: Alert) -> tuple[list[UUID], set[UUID]]:
    row = await (await connection.execute(_WAY, (alert.id, alert.organization_id))).fetchone()
    assert row is not None  # the foreign key
    return row[0], set(row[1])


def _wanted(alert: Alert, running: Running) -> list[Step]:
    """The steps that may come up: those of its severity."""
    return [step for steps in running.snapshot.get(alert.severity, {}).values() for step in steps]


async def _duty(
    connection: Connection,
    alert: Alert,
    steps: Iterable[Step],
    path: list[UUID],
    above: tuple[UUID, ...],
    now: datetime,
) -> Duty:
    steps = list(steps)
    calls = {who for step in steps for who in step.who}
    names: dict[UUID, str] = {}
    home, concerned = alert.organization_id, {alert.organization_id, *above[:1]}
    rosters = await load_rosters(connection, concerned, now, now + AHEAD)
    on_shift: Mapping[UUID, tuple[UUID, ...]] = {}
    if rosters:
        calendar = await load_calendar(connection)
        on_shift = {one: on_duty(roster, calendar, now) for one, roster in rosters.items() if roster}
    named = {one for step in steps for one in step.people}
    responders = await nearest_able(connection, alert.id, MOST_RESPONDERS) if Who.RESPONDERS in calls else ()
    asked = {*named, *responders, *(one for people in on_shift.values() for one in people)}
    if asked:
        names |= dict(await (await connection.execute(_NAMES, (list(asked),))).fetchall())
    caregivers: dict[UUID, str] = {}
    if Who.CAREGIVERS in calls and alert.elder is not None:
        caregivers = await caregivers_of(connection, alert.elder.id)
    operators = await operators_of(connection, home) if Who.OPERATORS in calls else {}
    return Duty(
        above=above,
        below=below(path, above),
        home=home,
        on_shift={org: tuple(one for one in people if one in names) for org, people in on_shift.items()},
        operators=list(operators),
        caregivers=list(caregivers),
        responders=[one for one in responders if one in names],
        names=names | operators | caregivers,
    )


async def caregivers_of(connection: Connection, elder_id: UUID) -> dict[UUID, str]:
    """Whoever cares for an elder, by the id of their accounts."""
    return dict(await (await connection.execute(_CAREGIVERS, (elder_id,))).fetchall())


async def operators_of(connection: Connection, organization_id: UUID) -> dict[UUID, str]:
    """Whoever works at an organisation's screens."""
    return dict(await (await connection.execute(_OPERATORS, (organization_id,))).fetchall())


async def _keep(connection: Connection, alert: Alert, running: Running, copied: _Copied | None, now: datetime) -> None:
    where = (running.stage.value if running.stage else None, running.since, running.epoch, running.step, running.round)
    if copied is None:
        await connection.execute(_GO_ON, (*where, alert.id))
        return
    kept = Jsonb(snapshot_json(running.snapshot))
    await connection.execute(_COPY, (alert.id, copied.policy_id, copied.version, kept, now, *where))
