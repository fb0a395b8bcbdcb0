"""Bad input, kept with its reason: what, where, and how to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from gateway.decoders.model import Flaw
from gateway.message import Message

#: Of a larger payload the first part is kept; `payload_bytes` tells its true size.
KEPT_BYTES = 64 * 1024

_INSERT = """
INSERT INTO quarantine (received_at, topic, source, device_id, reason, field, detail, payload, payload_bytes)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
# Tried again and not understood again: the row stays, and says what is wrong now.
_REFUSE = """
UPDATE quarantine SET replayed_at = clock_timestamp(), replay = 'refused', reason = %s, field = %s, detail = %s
WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Quarantined:
    message: Message
    device_id: str | None
    flaw: Flaw


def keep(cursor: psycopg.Cursor[Any], bad: Iterable[Quarantined]) -> None:
    """Inserts one row for each flaw, in the caller's transaction."""
    new, again = [], []
    for one in bad:
        message, flaw = one.message, one.flaw
        detail = flaw.detail.replace("\x00", "�")
        if message.replay_of is not None:
            again.append((flaw.reason, flaw.field, detail, message.replay_of))
            continue
        part = flaw.part if flaw.part is not None else message.payload
        source = message.said.source if message.said else None
        where = (message.received_at, message.topic.replace("\x00", "�"), source, one.device_id)
        new.append((*where, flaw.reason, flaw.field, detail, part[:KEPT_BYTES], len(message.payload)))
    if new:
        cursor.executemany(_INSERT, new)
    if again:
        cursor.executemany(_REFUSE, again)
