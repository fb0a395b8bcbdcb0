"""Trails that notice tampering: `access_log` and `changes` under a chain of seals.

A seal is a hash over the rows of a stretch of ids and over the seal before it, made by `anhu upkeep` behind whoever
writes: nobody who writes a row waits for another, and none of it is in the way of a press. Ids are given before the
commit; so a stretch is sealed only when all who were writing when it was marked are done, and from then on each id in
it is there or never will be. With data keys the hash is keyed, by a key that is not in the database: whoever may write
every table still cannot make a seal.

What a change says is in its row's hash through a salted hash of its own, so that it can go when the person goes.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from services.registry.sealing import Keys

Connection = psycopg.Connection[Any]

TRAILS: Final = ("access_log", "changes")
#: Rows under one seal at most: where it breaks is told by the seal, and then by the row.
MOST: Final = 5000
#: Seals of one trail in one turn; the next turn goes on.
_TURNS = 50

# In UTC, whatever the session's zone; jsonb has one text form. A row's parts are told apart by their lengths.
_ROWS = {
    "access_log": """
        SELECT id, at, ARRAY[to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), account_id::text,
               elder_id::text, alert_id::text, what, address], NULL::text, NULL::uuid, NULL::bytea
        FROM access_log WHERE id BETWEEN %s AND %s ORDER BY id""",
    "changes": """
        SELECT id, at, ARRAY[to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), subject, subject_id, what,
               account_id::text, actor, address],
               jsonb_build_array(before, after)::text, salt, said
        FROM changes WHERE id BETWEEN %s AND %s ORDER BY id""",
}
_MARKS = "SELECT trail, up_to, horizon FROM trail_marks"
_MARK = """
INSERT INTO trail_marks (trail, up_to)
SELECT %(trail)s, coalesce((SELECT last_value FROM pg_sequences WHERE schemaname = current_schema()
                            AND sequencename = %(sequence)s), 0)
ON CONFLICT (trail) DO UPDATE SET up_to = excluded.up_to, horizon = NULL
"""
# In a turn after the mark: between its id and its transaction's number a writer is not seen, for some microseconds.
_HORIZON = "UPDATE trail_marks SET horizon = pg_snapshot_xmax(pg_current_snapshot())::text WHERE trail = %s"
_ALL_DONE = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8"
_LAST = "SELECT max(last_id) FROM trail_seals WHERE trail = %s"
_BEFORE = "SELECT id, hash FROM trail_seals ORDER BY id DESC LIMIT 1"
_SEAL = """
INSERT INTO trail_seals (trail, first_id, last_id, count, newest, sealed_at, digest, key, hash)
VALUES (%(trail)s, %(first)s, %(last)s, %(count)s, %(newest)s, %(at)s, %(digest)s, %(key)s, %(hash)s)
"""
_SEALS = """
SELECT id, trail, first_id, last_id, count, newest, sealed_at, digest, key, hash, gone_at FROM trail_seals ORDER BY id
"""
_KEEP = "SELECT name, keep FROM retention WHERE name = ANY(%s)"
_OLD = """
SELECT id, trail, first_id, last_id FROM trail_seals
WHERE trail = %s AND gone_at IS NULL AND coalesce(newest, sealed_at) < %s ORDER BY id LIMIT 20
"""
_GONE = "UPDATE trail_seals SET gone_at = %s WHERE id = %s"
_ERASED = "SELECT DISTINCT subject, subject_id FROM changes WHERE said IS NOT NULL"
_ERASURES = "SELECT subject_id FROM changes WHERE subject = 'elder' AND what = 'erased'"


@dataclass(frozen=True, slots=True)
class Seal:
    """What is sealed, without the hash."""

    trail: str
    first: int
    last: int
    count: int
    newest: datetime | None
    at: datetime
    digest: bytes
    key: str

    def payload(self, before: bytes) -> bytes:
        newest = "" if self.newest is None else _utc(self.newest)
        parts = (self.trail, str(self.first), str(self.last), str(self.count), newest, _utc(self.at), self.key)
        return framed([one.encode() for one in parts] + [self.digest, before])


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold, and how."""

    seal: int
    trail: str
    first: int
    last: int
    what: str

    def __str__(self) -> str:
        return f"{self.trail} {self.first} to {self.last} (seal {self.seal}): {self.what}"


@dataclass(slots=True)
class Verified:
    seals: int = 0
    rows: int = 0
    gone: int = 0
    #: Sealed by a key that is not among ours any more: their rows were checked, and who sealed them was not.
    unknown_keys: int = 0
    breaks: list[Break] = field(default_factory=list)
    #: Rows that are not sealed yet, by trail.
    unsealed: dict[str, int] = field(default_factory=dict)
    newest: datetime | None = None
    #: The hash of the last seal: whoever keeps it elsewhere notices when the end of the chain is cut off.
    head: str = ""


def framed(parts: Iterable[bytes | None]) -> bytes:
    """Parts and their lengths, so that no two rows have one text; what is null has a length of its own."""
    return b"".join(b"-;" if one is None else str(len(one)).encode() + b";" + one for one in parts)


def digest_of(rows: Iterable[Sequence[Any]]) -> tuple[bytes, int, datetime | None]:
    """Of rows as _ROWS has them: the hash over them, how many, and the newest time."""
    digest, count, newest = hashlib.sha256(), 0, None
    for id_, at, parts, text, salt, said in rows:
        told = said if said is not None else said_hash(text, salt) if text is not None else None
        whole = [str(id_).encode(), *(None if part is None else part.encode() for part in parts), told]
        digest.update(hashlib.sha256(framed(whole)).digest())
        count, newest = count + 1, at if newest is None else max(newest, at)
    return digest.digest(), count, newest


def said_hash(text: str, salt: Any) -> bytes:
    """Of what a change says; with the salt away nobody can try what it was."""
    return hashlib.sha256(framed([str(salt).encode(), text.encode()])).digest()


def hash_of(seal: Seal, before: bytes, keys: Keys) -> bytes | None:
    """None: sealed by a key that is not among ours."""
    data = seal.payload(before)
    return keys.trail_hash(seal.key, data) if seal.key else hashlib.sha256(data).digest()


def seal_trails(keys: Keys) -> Callable[[Connection, datetime, Callable[[], bool]], int]:
    """A step of `anhu upkeep`: how many seals were made. One upkeep works at a time."""

    def step(connection: Connection, now: datetime, ended: Callable[[], bool]) -> int:
        made = 0
        marks = {trail: (up_to, horizon) for trail, up_to, horizon in connection.execute(_MARKS).fetchall()}
        for trail in TRAILS:
            if trail in marks:
                up_to, horizon = marks[trail]
                if horizon is None:
                    connection.execute(_HORIZON, (trail,))
                    continue
                if not _one(connection, _ALL_DONE, horizon):
                    continue
                for _ in range(_TURNS):
                    if ended() or not _seal_next(connection, keys, trail, up_to, now):
                        break
                    made += 1
            connection.execute(_MARK, {"trail": trail, "sequence": f"{trail}_id_seq"})
        return made

    return step


def _seal_next(connection: Connection, keys: Keys, trail: str, up_to: int, now: datetime) -> bool:
    with connection.transaction():
        first = (_one(connection, _LAST, trail) or 0) + 1
        if first > up_to:
            return False
        last = min(up_to, first + MOST - 1)
        digest, count, newest = digest_of(connection.execute(_ROWS[trail], (first, last)).fetchall())
        before = connection.execute(_BEFORE).fetchone()
        key = keys.in_use if keys else ""
        seal = Seal(trail, first, last, count, newest, now, digest, key)
        values = {name: getattr(seal, name) for name in Seal.__slots__}
        hashed = hash_of(seal, bytes(before[1]) if before else b"", keys)
        connection.execute(_SEAL, values | {"hash": hashed})
    return True


def verify_trails(connection: Connection, keys: Keys, known: str = "") -> Verified:
    """Reads it all, in one moment. Says where it does not hold. `known`: the head of the chain at an earlier time, kept
    elsewhere, which has to be in it."""
    found, heads = Verified(), {""}
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        before, last = b"", dict.fromkeys(TRAILS, 0)
        keep = dict(connection.execute(_KEEP, (list(TRAILS),)).fetchall())
        now = _one(connection, "SELECT clock_timestamp()")
        for row in connection.execute(_SEALS).fetchall():
            number, trail, first, end, count, newest, at, digest, key, hashed, gone_at = row
            seal = Seal(trail, first, end, count, newest, at, bytes(digest), key)
            found.seals, found.newest = found.seals + 1, at
            told = [what for what in (_chained(seal, bytes(hashed), before, last[trail], keys, found),) if what]
            told += _rows_hold(connection, seal, gone_at is not None, keep.get(trail), now, found)
            found.breaks += [Break(number, trail, first, end, what) for what in told]
            before, last[trail] = bytes(hashed), end
            heads.add(before.hex())
        for trail in TRAILS:
            found.unsealed[trail] = _one(connection, f"SELECT count(*) FROM {trail} WHERE id > %s", last[trail])
        found.breaks += _emptied(connection)
    found.head = before.hex()
    if known not in heads:
        found.breaks.append(Break(0, "the chain", 0, 0, "the head that was kept is not in it: its end was cut off"))
    return found


def _chained(seal: Seal, hashed: bytes, before: bytes, last: int, keys: Keys, found: Verified) -> str | None:
    if seal.first != last + 1:
        return f"the seal before it is missing: it begins at {seal.first}, and the one before ends at {last}"
    wanted = hash_of(seal, before, keys)
    if wanted is None:
        found.unknown_keys += 1
        return None
    return None if wanted == hashed else "the seal itself was changed, or one before it was"


def _rows_hold(
    connection: Connection, seal: Seal, gone: bool, keep: timedelta | None, now: datetime, found: Verified
) -> list[str]:
    if gone:
        found.gone += 1
        if keep is None or (seal.newest or seal.at) > now - keep:
            return ["its rows are gone before their time"]
        return []
    rows = connection.execute(_ROWS[seal.trail], (seal.first, seal.last)).fetchall()
    digest, count, _ = digest_of(rows)
    found.rows += count
    if count != seal.count:
        return [f"{seal.count} rows were sealed, {count} are there"]
    return [] if digest == seal.digest else ["a row was changed"]


def _emptied(connection: Connection) -> list[Break]:
    """What was said goes with a person, which is a line of its own; else somebody took it away."""
    erased = {row[0] for row in connection.execute(_ERASURES).fetchall()}
    without = [row for row in connection.execute(_ERASED).fetchall() if row[1] not in erased]
    return [
        Break(0, "changes", 0, 0, f"what was said of {kind} {one} is gone, and nobody erased them")
        for kind, one in without
    ]


def drop_old_trails(connection: Connection, now: datetime, _ended: Callable[[], bool] = lambda: False) -> int:
    """A step of `anhu upkeep`: rows that were kept long enough, a seal's at once, so that the others still hold."""
    keep = dict(connection.execute(_KEEP, (list(TRAILS),)).fetchall())
    dropped = 0
    for trail in TRAILS:
        if keep.get(trail) is None:
            continue
        for number, _, first, last in connection.execute(_OLD, (trail, now - keep[trail])).fetchall():
            with connection.transaction():
                done = connection.execute(f"DELETE FROM {trail} WHERE id BETWEEN %s AND %s", (first, last))
                connection.execute(_GONE, (now, number))
            dropped += done.rowcount
    return dropped


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _one(connection: Connection, statement: str, *values: Any) -> Any:
    row = connection.execute(statement, values).fetchone()
    return row[0] if row else None
