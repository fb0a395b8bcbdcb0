"""Seals with the key in use what is plain or was sealed by another: identity and telephone numbers, second factors,
secrets of webhooks, where channels lead, links of cameras. Before it every reader has both keys; after it one is
enough. May be stopped and begun again at any time: readers accept what is plain, and each key that they have.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from psycopg import AsyncConnection

from services.registry import channel_targets
from services.registry.names import Actor
from services.registry.sealing import Keys, KeysError, sealed_by
from services.registry.telephones import is_sealed, marks, opened_or_raise, sealed
from services.registry.telephones import sealed_by as phone_sealed_by
from services.storage.pool import Connection

_CHUNK = 1000
# Nothing that a press needs is locked: an alert that is raised refers to its elder (FOR KEY SHARE).
_LOCK = "FOR NO KEY UPDATE SKIP LOCKED"
#: That a number is sealed anew is no change of it; one line tells of all (0022_privacy.sql).
_SILENT = "SELECT set_config('anhu.silent', 'on', true)"
_TOLD = """
INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after)
VALUES ('keys', %s, 'sealed anew', %s, %s, %s, jsonb_build_object('values', %s::int))
"""
_IDENTITIES = f"""
SELECT id, identity_sealed FROM elders WHERE identity_sealed IS NOT NULL AND id > %(after)s ORDER BY id
LIMIT %(chunk)s {_LOCK}
"""
_SEAL_IDENTITY = "UPDATE elders SET identity_sealed = %s, identity_hash = %s WHERE id = %s"
_FACTORS = (
    f"SELECT account_id, secret FROM second_factors WHERE account_id > %(after)s ORDER BY 1 LIMIT %(chunk)s {_LOCK}"
)
_SEAL_FACTOR = "UPDATE second_factors SET secret = %s WHERE account_id = %s"
# A delivery that is being recorded is waited for: it takes a moment, and a secret left out would be lost with its key.
_HOOKS = """
SELECT webhook_id, secret FROM webhook_states WHERE webhook_id > %(after)s ORDER BY 1 LIMIT %(chunk)s
FOR NO KEY UPDATE
"""
_SEAL_HOOK = "UPDATE webhook_states SET secret = %s WHERE webhook_id = %s"
_CAMERAS = f"SELECT id, link_sealed FROM cameras WHERE id > %(after)s ORDER BY 1 LIMIT %(chunk)s {_LOCK}"
_SEAL_CAMERA = "UPDATE cameras SET link_sealed = %s WHERE id = %s"
_ELDERS = f"""
SELECT id, phone, doctor_phone FROM elders WHERE (phone IS NOT NULL OR doctor_phone IS NOT NULL) AND id > %(after)s
  AND (NOT %(plain)s OR left(phone, 1) <> '~' OR left(doctor_phone, 1) <> '~') ORDER BY id LIMIT %(chunk)s {_LOCK}
"""
_SEAL_ELDER = "UPDATE elders SET phone = %s, doctor_phone = %s, phone_marks = %s WHERE id = %s"
_CONTACTS = f"""
SELECT elder_id, position, phone FROM elder_contacts
WHERE (elder_id, position) > (%(after)s, %(place)s) AND (NOT %(plain)s OR left(phone, 1) <> '~')
ORDER BY elder_id, position LIMIT %(chunk)s {_LOCK}
"""
_SEAL_CONTACT = "UPDATE elder_contacts SET phone = %s, phone_marks = %s WHERE elder_id = %s AND position = %s"
_RESPONDERS = f"""
SELECT account_id, phone FROM responders WHERE account_id > %(after)s AND (NOT %(plain)s OR left(phone, 1) <> '~')
ORDER BY account_id LIMIT %(chunk)s {_LOCK}
"""
_SEAL_RESPONDER = "UPDATE responders SET phone = %s, phone_marks = %s WHERE account_id = %s"
_CHANNELS = f"""
SELECT id, kind, target, target_sealed, service FROM channels
WHERE id > %(after)s AND (NOT %(plain)s OR target_sealed IS NULL) ORDER BY id LIMIT %(chunk)s {_LOCK}
"""
# The same target may be there twice: added anew, meanwhile, by a process that had other keys. Both are kept.
_SEAL_CHANNEL = """
UPDATE channels c SET target = NULL, target_sealed = %s, service = %s, fingerprint = CASE
    WHEN EXISTS (SELECT FROM channels o WHERE o.account_id = c.account_id AND o.id <> c.id AND o.fingerprint = %s)
    THEN %s ELSE %s END
WHERE c.id = %s
"""
_KEY_NAMES = """
SELECT DISTINCT split_part(substr(phone, 2), ':', 1) FROM elders WHERE left(phone, 1) = '~'
UNION SELECT DISTINCT split_part(substr(phone, 2), ':', 1) FROM elder_contacts WHERE left(phone, 1) = '~'
UNION SELECT DISTINCT split_part(substr(phone, 2), ':', 1) FROM responders WHERE left(phone, 1) = '~'
UNION SELECT DISTINCT convert_from(substr(target_sealed, 3, get_byte(target_sealed, 1)), 'UTF8') FROM channels
WHERE target_sealed IS NOT NULL
"""
_LOOK_SECONDS = 3600.0
_FIRST = "00000000-0000-0000-0000-000000000000"

#: Makes of rows the values of an UPDATE, of those that have to be sealed.
_Seal = Callable[[Sequence[Any]], Sequence[Any] | None]


async def rotate_keys(connection: Connection, actor: Actor, keys: Keys, tell: Callable[[int], None]) -> int:
    """How many rows were sealed anew. Raises KeysError for a value without its key."""
    done = 0

    def identity(row: Sequence[Any]) -> Sequence[Any] | None:
        if sealed_by(row[1]) == keys.in_use:
            return None
        text = keys.open(row[1])
        return keys.seal(text), keys.hash(text), row[0]

    def secret(row: Sequence[Any]) -> Sequence[Any] | None:
        return None if sealed_by(row[1]) == keys.in_use else (keys.seal(keys.open(row[1])), row[0])

    for select, update, seal in (
        (_IDENTITIES, _SEAL_IDENTITY, identity),
        (_FACTORS, _SEAL_FACTOR, secret),
        (_HOOKS, _SEAL_HOOK, secret),
        (_CAMERAS, _SEAL_CAMERA, secret),
        *_phones(keys),
        (_CHANNELS, _SEAL_CHANNEL, _channel(keys)),
    ):
        done = await _all(connection, select, update, seal, done, tell, plain=False)
    if done:
        await connection.execute(_TOLD, (keys.in_use, actor.account_id, actor.name, actor.address, done))
    return done


async def seal_plain(connection: Connection, keys: Keys, tell: Callable[[int], None] = lambda _: None) -> int:
    """Numbers and channels from before there were keys; how many rows. Raises KeysError."""
    done = 0
    for select, update, seal in (*_phones(keys), (_CHANNELS, _SEAL_CHANNEL, _channel(keys))):
        done = await _all(connection, select, update, seal, done, tell, plain=True)
    return done


def _phones(keys: Keys) -> list[tuple[str, str, _Seal]]:
    def old(*stored: str | None) -> bool:
        return any(one and (not is_sealed(one) or phone_sealed_by(one) != keys.in_use) for one in stored)

    def again(stored: str | None) -> tuple[str | None, str | None]:
        number = opened_or_raise(keys, stored)
        return number, sealed(keys, number)

    def elder(row: Sequence[Any]) -> Sequence[Any] | None:
        if not old(row[1], row[2]):
            return None
        (number, phone), (_, doctor) = again(row[1]), again(row[2])
        return phone, doctor, marks(keys, number), row[0]

    def contact(row: Sequence[Any]) -> Sequence[Any] | None:
        number, phone = again(row[2])
        return (phone, marks(keys, number), row[0], row[1]) if old(row[2]) else None

    def responder(row: Sequence[Any]) -> Sequence[Any] | None:
        number, phone = again(row[1])
        return (phone, marks(keys, number), row[0]) if old(row[1]) else None

    return [
        (_ELDERS, _SEAL_ELDER, elder),
        (_CONTACTS, _SEAL_CONTACT, contact),
        (_RESPONDERS, _SEAL_RESPONDER, responder),
    ]


def _channel(keys: Keys) -> _Seal:
    def seal(row: Sequence[Any]) -> Sequence[Any] | None:
        row_id, kind, target, secret, service = row
        if secret is not None and sealed_by(secret) == keys.in_use:
            return None
        value = channel_targets.opened(keys, {"target": target, "target_sealed": secret})
        fingerprint = channel_targets.fingerprints(keys, kind, value)[0]
        own = channel_targets.fingerprint_of_row(keys, kind, value, row_id)
        _, anew = channel_targets.sealed(keys, value)
        shown = channel_targets.service_at_rest(keys, kind, value, service)
        return anew, shown, fingerprint, own, fingerprint, row_id

    return seal


async def _all(
    connection: Connection,
    select: str,
    update: str,
    seal: _Seal,
    done: int,
    tell: Callable[[int], None],
    *,
    plain: bool,
) -> int:
    """In chunks, each a short transaction."""
    after: dict[str, Any] = {"after": _FIRST, "place": 0, "chunk": _CHUNK, "plain": plain}
    while True:
        async with connection.transaction():
            await connection.execute(_SILENT)
            rows = await (await connection.execute(select, after)).fetchall()
            values = [one for row in rows if (one := seal(row)) is not None]
            if values:
                async with connection.cursor() as cursor:
                    await cursor.executemany(update, values)
        done += len(values)
        tell(done)
        if not rows:
            return done
        after |= {"after": rows[-1][0], "place": rows[-1][1] if select is _CONTACTS else 0}


def seal_in_upkeep(database_url: str, keys: Keys) -> Callable[..., int]:
    """A step of `anhu upkeep`; without keys there is nothing to seal. Each hour, and at first, it also looks whether
    the key of every number and channel is there: the step then fails, which `/readyz` tells before one is used."""
    looked = -_LOOK_SECONDS

    async def work(*, look: bool) -> int:
        async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
            done = await seal_plain(connection, keys) if keys else 0
            if look:
                await _only_known_keys(connection, keys)
            return done

    def step(*_: Any) -> int:
        nonlocal looked
        look = time.monotonic() - looked >= _LOOK_SECONDS
        done = asyncio.run(work(look=look))
        if look:
            looked = time.monotonic()
        return done

    return step


async def _only_known_keys(connection: Connection, keys: Keys) -> None:
    rows = await (await connection.execute(_KEY_NAMES)).fetchall()
    missing = sorted({row[0] for row in rows} - set(keys.ordered))
    if missing:
        raise KeysError(
            f"telephone numbers or channels are sealed with {', '.join(missing)}, which ANHU_DATA_KEYS lacks"
        )
