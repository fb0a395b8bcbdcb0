"""A person's move: acknowledge, dispatch, arrive, resolve, follow up. One transaction."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import ledger
from alerts.answer import go_on
from alerts.domain.alert import Actor, Alert, Refusal, State
from alerts.domain.transitions import KINDS, Acknowledge, Move, body_of, decide_move, name_of

Connection = AsyncConnection[Any]

_MADE_BEFORE = """
SELECT 1 FROM alert_timeline WHERE alert_id = %s AND kind = %s AND account_id = %s AND body = %s LIMIT 1
"""
# What was answered before the alert was asked about again is no answer to that: whoever has it may take it again.
_ANSWERED_SINCE = """
SELECT 1 FROM alert_timeline WHERE alert_id = %s AND kind = %s AND account_id = %s AND body = %s
  AND id > coalesce((SELECT max(q.id) FROM alert_timeline q WHERE q.alert_id = alert_timeline.alert_id
                                                              AND q.kind = 'quiet'), 0)
LIMIT 1
"""


async def move_alert(connection: Connection, alert_id: UUID, move: Move, actor: Actor) -> Alert | Refusal | None:
    """The alert as the move leaves it; a Refusal that changed nothing; None when there is no such alert.

    The same move by the same person with the same body changes nothing, at any later time: an answer that was lost
    on its way may be asked for again. The row lock makes two operators one after the other. A responder who accepted
    before anybody had acknowledged is dispatched in the acknowledgement's commit.
    """
    async with connection.transaction():
        locked = await ledger.lock_alert(connection, alert_id)
        if locked is None:
            return None
        alert, now = locked
        before = _ANSWERED_SINCE if isinstance(move, Acknowledge) and alert.attention else _MADE_BEFORE
        made = await connection.execute(before, (alert_id, KINDS[name_of(move)], actor.id, Jsonb(body_of(move))))
        if await made.fetchone():
            return alert
        decided = decide_move(alert, move, actor, now)
        if isinstance(decided, Refusal):
            return decided
        await ledger.save(connection, alert, decided, now)
        if alert.state is State.TRIGGERED:
            return await go_on(connection, decided.alert, now)
        return decided.alert
