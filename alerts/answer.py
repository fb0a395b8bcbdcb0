"""Somebody who was asked to go answers, by the link of their notice. One transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts import ledger
from alerts.domain.alert import Actor, Alert, Change, Refusal, State
from alerts.domain.tasks import GOES, Answer, Task, TaskState, catch_up, decide_answer
from alerts.responders import who_goes

Connection = AsyncConnection[Any]

# Any notice of theirs about an alert that they were asked to go to: also the one that says that it is over.
_WHO = """
SELECT n.alert_id, n.account_id, c.name FROM notices n JOIN accounts c ON c.id = n.account_id
JOIN responders r ON r.account_id = n.account_id
WHERE n.id = %s AND c.disabled_at IS NULL AND r.ended_at IS NULL
  AND EXISTS (SELECT FROM notices a WHERE a.alert_id = n.alert_id AND a.account_id = n.account_id
              AND a.why = 'responder')
"""
_OTHERS = """
SELECT DISTINCT n.account_id, c.name, coalesce(w.state, 'asked') AS state
FROM notices n JOIN accounts c ON c.id = n.account_id
LEFT JOIN responder_answers w ON w.alert_id = n.alert_id AND w.account_id = n.account_id
WHERE n.alert_id = %s AND n.why = 'responder'
"""
_ANSWERED = """
INSERT INTO responder_answers AS w (alert_id, account_id, state, answered_at, note, accepted_at, arrived_at, done_at)
VALUES (%(alert)s, %(account)s, %(state)s, %(at)s, %(note)s, %(accepted)s, %(arrived)s, %(done)s)
ON CONFLICT (alert_id, account_id) DO UPDATE SET state = excluded.state, answered_at = excluded.answered_at,
    note = coalesce(excluded.note, w.note), accepted_at = coalesce(excluded.accepted_at, w.accepted_at),
    arrived_at = coalesce(excluded.arrived_at, w.arrived_at), done_at = coalesce(excluded.done_at, w.done_at)
"""
# Whoever is told that they need not go is not called and asked to, by their next channel, a moment later.
_NOT_NEEDED = """
UPDATE notices SET ended_at = clock_timestamp(), ended = 'over'
WHERE alert_id = %s AND why = 'responder' AND account_id = ANY(%s) AND ended_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a link was sent to, and about which alert."""

    alert_id: UUID
    who: Actor


async def asked_by(connection: Connection, notice_id: UUID, origin: str | None = None) -> Asked | None:
    """None: nobody who may still go was asked by this notice."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_WHO, (notice_id,))).fetchone()
    return Asked(row["alert_id"], Actor(row["account_id"], row["name"], origin)) if row else None


async def task_of(connection: Connection, asked: Asked) -> Task:
    """What they said so far, and what the others did."""
    rows = await (await connection.execute(_OTHERS, (asked.alert_id,))).fetchall()
    state, taken_by, others = TaskState.ASKED, None, []
    for account_id, name, said in rows:
        if account_id == asked.who.id:
            state = TaskState(said)
        elif TaskState(said) in GOES:
            taken_by = name
        elif TaskState(said) is TaskState.ASKED:
            others.append(account_id)
    return Task(state, taken_by, tuple(sorted(others)))


async def answer_task(connection: Connection, asked: Asked, answer: Answer, note: str | None = None) -> Alert | Refusal:
    """The alert as the answer leaves it. The row lock makes two who accept one after the other: the second is told
    who was first. The same answer again changes nothing, but for a call for help, which is one more."""
    async with connection.transaction():
        locked = await ledger.lock_alert(connection, asked.alert_id)
        assert locked is not None  # the notice's foreign key
        alert, now = locked
        if not alert.unresolved:
            return Refusal("这次求助已经结束，谢谢您", alert.state)
        task = await task_of(connection, asked)
        decided = decide_answer(alert, task, answer, asked.who, now, note)
        if isinstance(decided, Refusal):
            return decided
        if decided.state is not None:
            await _keep(connection, asked, decided.state, answer, now, note)
            if decided.state is TaskState.ACCEPTED and task.state not in GOES:
                await connection.execute(_NOT_NEEDED, (asked.alert_id, list(task.others)))
        return await _save(connection, alert, decided.changes, now)


async def go_on(connection: Connection, alert: Alert, now: datetime) -> Alert:
    """Somebody has just acknowledged: who accepted before that is dispatched, in the caller's transaction."""
    going = await who_goes(connection, alert.id)
    if going is None or alert.state is not State.ACKNOWLEDGED:
        return alert
    who, state = going
    return await _save(connection, alert, catch_up(alert, state, who, now), now)


async def _save(connection: Connection, alert: Alert, changes: Sequence[Change], now: datetime) -> Alert:
    for change in changes:
        await ledger.save(connection, alert, change, now)
        alert = change.alert
    return alert


async def _keep(
    connection: Connection, asked: Asked, state: TaskState, answer: Answer, now: datetime, note: str | None
) -> None:
    at = {"accepted": Answer.ACCEPT, "arrived": Answer.ARRIVE, "done": Answer.DONE}
    values = {"alert": asked.alert_id, "account": asked.who.id, "state": state.value, "at": now, "note": note}
    await connection.execute(_ANSWERED, values | {name: now if answer is one else None for name, one in at.items()})
