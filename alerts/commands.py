"""Commands to devices: asked for, sent over MQTT, and matched with what the device says of them. Rows are the queue: a
process that dies between sending and the commit sends again, and a device that rings twice has rung."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import aiomqtt
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor
from alerts.domain.commands import ANSWERED_WITHIN, MOST_A_MINUTE, Command, answer_of, payload

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

#: Kinds of devices that can say or show something.
SPEAKS = frozenset({"wristband", "watch", "phone", "room_unit", "pill_box", "emergency_button", "gateway"})

_ASK = """
INSERT INTO device_commands (id, device_id, command, body, asked_by, asked_by_name, dose_id, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp() + %s)
"""
_RECENT = """
SELECT count(*) FROM device_commands WHERE device_id = %s AND asked_by IS NOT NULL
   AND asked_at > clock_timestamp() - interval '1 minute'
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('anhu command ' || %s, 0))"
_CLAIM = """
SELECT id, device_id, command, body FROM device_commands
WHERE state = 'asked' AND expires_at > clock_timestamp() ORDER BY asked_at LIMIT 20 FOR UPDATE SKIP LOCKED
"""
_SENT = "UPDATE device_commands SET state = 'sent', sent_at = clock_timestamp() WHERE id = ANY(%s)"
_EXPIRE = """
WITH over AS (
    SELECT id FROM device_commands WHERE state IN ('asked', 'sent') AND expires_at <= clock_timestamp()
    ORDER BY expires_at LIMIT 500 FOR UPDATE SKIP LOCKED
)
UPDATE device_commands c SET state = 'unanswered' FROM over WHERE c.id = over.id
"""
_RESULTS = """
SELECT id, device_id, received_at, result FROM command_results WHERE NOT matched
ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED
"""
_MATCHED = "UPDATE command_results SET matched = true WHERE id = ANY(%s)"
# By the id that it gives back; a device that gives none back answers the last command of that name.
_OF = """
SELECT id, expires_at FROM device_commands
WHERE device_id = %(device)s AND state IN ('sent', 'unanswered')
  AND CASE WHEN %(id)s::uuid IS NOT NULL THEN id = %(id)s::uuid
           ELSE command = %(command)s AND sent_at > %(at)s - interval '1 hour' END
ORDER BY id DESC LIMIT 1 FOR UPDATE
"""
_ANSWERED = "UPDATE device_commands SET state = %s, answered_at = %s, result = %s WHERE id = %s"
_NOTIFY = "SELECT pg_notify('anhu_commands', '')"


class TooManyError(Exception):
    """So many commands went to this device within the last minute."""


async def ask_device(
    connection: Connection, device_id: str, command: Command, body: Mapping[str, Any], who: Actor
) -> UUID:
    """By a person. Raises TooManyError."""
    async with connection.transaction():
        await connection.execute(_LOCK, (device_id,))
        row = await (await connection.execute(_RECENT, (device_id,))).fetchone()
        if row is not None and row[0] >= MOST_A_MINUTE:
            raise TooManyError
        return await put_command(connection, device_id, command, body, who=who)


async def put_command(
    connection: Connection,
    device_id: str,
    command: Command,
    body: Mapping[str, Any],
    *,
    who: Actor | None = None,
    dose_id: UUID | None = None,
) -> UUID:
    """In the caller's transaction."""
    command_id: UUID = uuid7()
    asked_by, name = (who.id, who.name) if who else (None, None)
    within = ANSWERED_WITHIN[command]
    values = (command_id, device_id, command.value, Jsonb(dict(body)), asked_by, name, dose_id, within)
    await connection.execute(_ASK, values)
    await connection.execute(_NOTIFY)
    return command_id


async def send_commands(connection: Connection, client: aiomqtt.Client) -> int:
    """Sends what waits; how many. Raises aiomqtt.MqttError when the broker is away: they wait, until they expire."""
    async with connection.transaction():
        rows = await (await connection.execute(_CLAIM)).fetchall()
        for command_id, device_id, command, body in rows:
            message = json.dumps(payload(command, str(command_id), body), ensure_ascii=False)
            await client.publish(f"anhu/v1/{device_id}/down/commands", message, qos=1)
        if rows:
            await connection.execute(_SENT, ([row[0] for row in rows],))
    return len(rows)


async def follow_commands(connection: Connection) -> int:
    """Gives up what is not answered, and takes what was; how many results were looked at."""
    async with connection.transaction():
        rows = await (await connection.execute(_RESULTS)).fetchall()
        for _, device_id, received_at, result in rows:
            await _take(connection, device_id, received_at, result)
        if rows:
            await connection.execute(_MATCHED, ([row[0] for row in rows],))
    await connection.execute(_EXPIRE)
    return len(rows)


async def _take(connection: Connection, device_id: str, received_at: datetime, result: Mapping[str, Any]) -> None:
    asked = {"device": device_id, "id": _id(result.get("command_id")), "command": result.get("command")}
    if asked["id"] is None and (result.get("command_id") is not None or not isinstance(asked["command"], str)):
        return  # another platform's
    row = await (await connection.execute(_OF, asked | {"at": received_at})).fetchone()
    if row is None:
        return  # somebody else's command, or one that was answered before
    command_id, expires_at = row
    answer = answer_of(result, expires_at, received_at)
    await connection.execute(_ANSWERED, (answer.state.value, received_at, Jsonb(dict(result)), command_id))


def _id(text: Any) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def reminded(devices: Sequence[tuple[str, str]]) -> list[str]:
    """Which of an elder's devices (id, kind) speak to them: what is worn or stands in the room; else all there are."""
    speak = [device for device, kind in devices if kind in SPEAKS]
    return speak or [device for device, _ in devices]
