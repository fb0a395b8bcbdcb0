"""Service requests: asked for by a person, and taken a step on. One transaction each. A device's are made by
`take_in.py`."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor
from alerts.domain.services import NotNow, Request, RequestState, Step, Wish, decide_step

Connection = AsyncConnection[Any]

_ASK = """
INSERT INTO service_requests (id, organization_id, elder_id, service, words, requested_at, asked_by, asked_by_name)
SELECT %(id)s, organization_id, id, %(service)s, %(words)s, now(), %(by)s, %(by_name)s
FROM elders WHERE id = %(elder)s
"""
_LOCKED = "SELECT * FROM service_requests WHERE id = %s FOR UPDATE"
_SAVE = """
UPDATE service_requests SET state = %(state)s, holder_id = %(holder_id)s, holder_name = %(holder_name)s,
       assigned_to = %(assigned_to)s, rating = %(rating)s, version = %(version)s,
       closed_at = CASE WHEN %(state)s IN ('done', 'withdrawn') THEN coalesce(closed_at, now()) END
WHERE id = %(id)s
"""
_LOG = """
INSERT INTO service_request_log (request_id, at, kind, account_id, actor, note, body, version)
VALUES (%s, clock_timestamp(), %s, %s, %s, %s, %s, %s)
"""
# The last step alone: to assign it to one, to another, and to the first again are three steps.
_JUST_MADE = """
SELECT 1 FROM (SELECT * FROM service_request_log WHERE request_id = %s ORDER BY id DESC LIMIT 1) AS last
WHERE kind = %s AND account_id = %s AND body = %s
"""


@dataclass(frozen=True, slots=True)
class Asked:
    elder_id: UUID
    service: str
    words: str | None = None


async def ask_for_service(connection: Connection, asked: Asked, who: Actor) -> UUID:
    """A request at the elder's station."""
    request_id: UUID = uuid7()
    async with connection.transaction():
        values = {"id": request_id, "elder": asked.elder_id, "service": asked.service, "words": asked.words}
        await connection.execute(_ASK, values | {"by": who.id, "by_name": who.name})
        await connection.execute(_LOG, (request_id, "asked", who.id, who.name, asked.words, Jsonb({}), 1))
    return request_id


async def take_step(connection: Connection, request_id: UUID, wish: Wish, who: Actor) -> NotNow | None:
    """Why not, if not. The same step by the same person with the same words, twice in a row, is one."""
    body = Jsonb({"assigned_to": wish.assigned_to, "rating": wish.rating, "note": wish.note})
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_LOCKED, (request_id,))).fetchone()
        assert row is not None  # the caller has seen it, and none is ever deleted
        if await (await connection.execute(_JUST_MADE, (request_id, wish.step.value, who.id, body))).fetchone():
            return None
        decided = decide_step(_request(row), wish, who)
        if isinstance(decided, NotNow):
            return decided
        saved = {name: getattr(decided, name) for name in ("id", "holder_id", "holder_name", "assigned_to", "rating")}
        await connection.execute(_SAVE, saved | {"state": decided.state.value, "version": decided.version})
        entry = (request_id, wish.step.value, who.id, who.name, wish.note, body, decided.version)
        await connection.execute(_LOG, entry)
    return None


def may_take(step: Step, *, staff: bool) -> bool:
    """The family may call off what was asked for, and say how it was; all else is the station's."""
    return staff or step in (Step.WITHDRAW, Step.RATE)


def _request(row: dict[str, Any]) -> Request:
    return Request(
        row["id"],
        RequestState(row["state"]),
        row["holder_id"],
        row["holder_name"],
        row["assigned_to"],
        row["rating"],
        row["version"],
    )
