"""Bad input, kept with its reason: what, where, and how to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from gateway.decoders.model import Flaw
from gateway.mqtt import Message

#: Of a larger payload the first part is kept; `payload_bytes` tells its true size.
KEPT_BYTES = 64 * 1024

_INSERT = """
INSERT INTO quarantine (received_at, topic, device_id, reason, field, detail, payload, payload_bytes)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Quarantined:
    message: Message
    device_id: str | None
    flaw: Flaw


def keep(cursor: psycopg.Cursor[Any], bad: Iterable[Quarantined]) -> None:
    """Inserts one row for each flaw, in the caller's transaction."""
    rows = [
        (
            one.message.received_at,
            one.message.topic,
            one.device_id,
            one.flaw.reason,
            one.flaw.field,
            one.flaw.detail.replace("\x00", "�"),
            (one.flaw.part if one.flaw.part is not None else one.message.payload)[:KEPT_BYTES],
            len(one.message.payload),
        )
        for one in bad
    ]
    if rows:
        cursor.executemany(_INSERT, rows)
