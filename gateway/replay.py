"""Tries again what is in quarantine: after a decoder was mended, a device enrolled, a source added."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import psycopg

from gateway.event_lane import EventLane
from gateway.lane import Lane
from gateway.limits import Limits
from gateway.message import Message
from gateway.quarantine import KEPT_BYTES
from gateway.source_lane import SourceLane
from gateway.sources import Source
from gateway.telemetry_lane import TelemetryLane
from gateway.topics import Leaf, parse_up

_ROWS = """
SELECT id, received_at, topic, source, payload,
       octet_length(payload) < payload_bytes AND octet_length(payload) >= %(kept)s AS short
FROM quarantine WHERE id = ANY(%(ids)s) AND replay IS DISTINCT FROM 'taken' ORDER BY id
"""
_WANTED = """
SELECT id FROM quarantine
WHERE replay IS DISTINCT FROM 'taken' AND received_at >= %(since)s
  AND (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(source)s::text IS NULL OR source = %(source)s)
  AND (%(device_id)s::text IS NULL OR device_id = %(device_id)s)
ORDER BY id
"""
_TRY = "UPDATE quarantine SET replay = NULL, replayed_at = clock_timestamp() WHERE id = %s"
_TOLD = "UPDATE quarantine SET replay = coalesce(replay, %s) WHERE id = %s RETURNING replay"


class _Nowhere:
    """The link of a message that came long ago: it was acknowledged then, and its device does not wait."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        pass


def wanted(
    database_url: str, since: datetime, *, reason: str | None, source: str | None, device_id: str | None
) -> list[int]:
    """The rows that were not taken yet, oldest first; None is any."""
    asked = {"since": since, "reason": reason, "source": source, "device_id": device_id}
    with psycopg.connect(database_url) as connection:
        return [row[0] for row in connection.execute(_WANTED, asked)]


def replay(database_url: str, sources: Sequence[Source], ids: Sequence[int]) -> dict[str, int]:
    """Decodes these rows of quarantine again, as of when they came, and stores what is understood now.

    Counts what became of them: `taken`; `refused`, the row says why; `kept_short`, of which the beginning alone is
    kept. What was taken already is left alone. Raises psycopg.Error when the database is away; then call it again: a
    message that is stored twice is stored once.
    """
    told: Counter[str] = Counter()
    parts: list[Message] = []
    limits = Limits(database_url)
    lanes: dict[bool, Lane] = {True: EventLane(database_url), False: TelemetryLane(database_url, limits=limits)}
    source_lane = SourceLane(database_url, sources, parts.extend, parts.extend)
    with closing(source_lane), psycopg.connect(database_url, autocommit=True) as connection:
        for lane in lanes.values():
            lane.prepare(connection)
        limits.load(connection)
        rows = connection.execute(_ROWS, {"ids": list(ids), "kept": KEPT_BYTES}).fetchall()
        for number, received_at, topic, source, payload, short in rows:
            connection.execute(_TRY, (number,))
            if not short:
                message = Message(topic, bytes(payload), received_at, _Nowhere(), 0, 0, replay_of=number)
                parts.clear()
                if source is None:
                    parts.append(message)
                else:
                    source_lane.hand_on([message])
                for part in parts:
                    lanes[_is_event(part)].store(connection, [part])
            told[_outcome(connection, number, short=short)] += 1
    return dict(told)


def _is_event(message: Message) -> bool:
    if message.said is not None:
        return message.said.event is not None
    topic = parse_up(message.topic)
    return topic is not None and topic.leaf is Leaf.EVENTS


def _outcome(connection: psycopg.Connection[Any], number: int, *, short: bool) -> str:
    row = connection.execute(_TOLD, ("kept_short" if short else "taken", number)).fetchone()
    return str(row[0]) if row else "gone"
