"""A file on its way into the tables: read in a thread, copied into a staging table, merged set by set.

Nothing of it is seen before the one transaction that merges, and no row that a press needs is locked for long: that
transaction writes people and devices, and alerts only refer to them.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any, Literal

from services.registry import reach
from services.registry.imports.elders import category_words
from services.registry.imports.flaws import FileFlawError, Flaw
from services.registry.imports.places import Place, Places
from services.registry.imports.reading import Known, Reading, Record
from services.registry.names import Actor
from services.registry.sealing import Keys
from services.storage.pool import Connection

Mode = Literal["check", "all", "skip"]
#: Of a wrong column every row is wrong: as many are told as somebody reads, and all are counted.
MOST_TOLD = 1000
_CHUNK = 2000
_PLACES = "SELECT o.id, o.parent_id, o.tier, o.name, o.division_code FROM organizations o"
_CATEGORIES = "SELECT name FROM care_categories ORDER BY position"
_BEIJING = timezone(timedelta(hours=8))

Progress = Callable[[str, int], None]


@dataclass(slots=True)
class Result:
    """What became of a file, or would become of it."""

    kind: str
    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    flaws: list[Flaw] = field(default_factory=list)
    #: Rows with a flaw; `flaws` has at most MOST_TOLD.
    wrong: int = 0
    ignored: tuple[str, ...] = ()
    applied: bool = False
    #: The rest of the file could not be read: where it ends is not known, so none of it is taken.
    broken: bool = False
    #: (device_id or username, secret), told this once.
    secrets: list[tuple[str, str]] = field(default_factory=list)
    _lines: set[int] = field(default_factory=set)

    def note(self, flaws: Iterable[Flaw]) -> None:
        for flaw in flaws:
            if flaw.line == 0 or flaw.line not in self._lines:
                self._lines.add(flaw.line)
                self.wrong += 1
            if len(self.flaws) < MOST_TOLD:
                self.flaws.append(flaw)

    def may_go_on(self, mode: Mode) -> bool:
        return not self.broken and (mode == "skip" or (mode == "all" and not self.wrong))


@dataclass(frozen=True, slots=True)
class Import:
    """What every kind of import works with."""

    connection: Connection
    actor: Actor
    keys: Keys
    mode: Mode
    result: Result
    known: Known
    tell: Progress
    #: GCJ-02 to WGS 84.
    from_map: Callable[[float, float], tuple[float, float]]
    #: Keeps what is told once, before the commit: a device whose secret nobody has would have to be rotated.
    keep: Callable[[list[tuple[str, str]]], None]


async def known_to(connection: Connection, actor: Actor) -> Known:
    """What the actor's files may name."""
    statement, values = _PLACES, {}
    if actor.caller is not None:
        statement, values = f"{_PLACES} WHERE {reach.ORGANIZATION_O}", actor.caller.parameters
    places = [Place(*row) for row in await (await connection.execute(statement, values)).fetchall()]
    names = [name for (name,) in await (await connection.execute(_CATEGORIES)).fetchall()]
    return Known(Places(places), category_words(names), datetime.now(_BEIJING).date())


async def staged(
    work: Import, reading: Reading, table: str, columns: Sequence[str], row_of: Callable[[Any], Sequence[Any]]
) -> None:
    """Reads the file to its end into a staging table. Each COPY is a statement of its own: no transaction is open while
    the file is read, and the event loop is free."""
    rows = iter(reading)
    copy_in = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    while True:
        chunk = await asyncio.to_thread(next_rows, rows, row_of, work.result)
        if chunk is None:
            return
        good, last = chunk
        if good:
            async with work.connection.cursor() as cursor, cursor.copy(copy_in) as copy:
                for place, row in enumerate(good):
                    await copy.write_row(row)
                    if place % 100 == 0:
                        await asyncio.sleep(0)  # or no screen would hear of a press meanwhile
        work.result.rows = reading.rows.read
        work.tell("read", work.result.rows)
        if last:
            return


def next_rows(
    rows: Any, row_of: Callable[[Record], Sequence[Any]], result: Result
) -> tuple[list[Sequence[Any]], bool] | None:
    good: list[Sequence[Any]] = []
    taken = 0
    try:
        for record, flaws in islice(rows, _CHUNK):
            taken += 1
            result.note(flaws)
            if record is not None:
                good.append(row_of(record))
    except FileFlawError as error:
        result.note([error.flaw])
        result.broken = True
        return good, True
    return (good, False) if taken else None


async def drop_lines(work: Import, table: str, statement: str, flaw: Callable[..., Flaw], **values: Any) -> None:
    """Notes what a query finds wrong, and takes these lines out of the staging table. Each row begins with `line`."""
    async with work.connection.cursor() as cursor:
        found = await (await cursor.execute(statement, values)).fetchall()
    if not found:
        return
    work.result.note(flaw(*row) for row in sorted(found, key=lambda row: row[0]))
    await work.connection.execute(f"DELETE FROM {table} WHERE line = ANY(%s)", ([row[0] for row in found],))


async def count(connection: Connection, statement: str, **values: Any) -> int:
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None
    return int(row[0])
