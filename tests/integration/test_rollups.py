"""Roll-ups and retention, the same suite on every database: plain PostgreSQL, and TimescaleDB where
ANHU_TEST_TIMESCALE_URL names a server. Here without processes: the clock is an argument.

Every answer of buckets is held against one that is made from the raw readings alone.
"""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from services.storage import erasing, retention
from services.storage.buckets import read_buckets
from services.storage.fields import FIELDS, TRUTHS
from services.storage.late import note_late
from services.storage.migrate import migrate
from services.storage.rolling import roll_late, state
from services.storage.telling import tell_next_day
from services.storage.upkeep import keep_up, prepare
from tests.parts.examples import examples
from tests.parts.postgres import PostgresServer, fresh_database
from tests.parts.waiting import until

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
#: The day that runs when the schema is made: before its beginning all is closed and rolled up.
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
_COPY = "COPY readings (device_key, ts, seq, received_at, heart_rate) FROM STDIN"
#: JSON of buckets, and the beginning of the last of them when there are more.
Page = tuple[str, datetime | None]
BINS = {"1m": "1 minute", "1h": "1 hour", "1d": "1 day"}


class Kept:
    """A database with readings, and somebody who writes, keeps up and asks."""

    def __init__(self, url: str, kind: str) -> None:
        self.url, self.kind = url, kind
        self.connection = psycopg.connect(url, autocommit=True)
        prepare(self.connection)
        found = self.connection.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
        #: `timescale` or `apache`; nothing on PostgreSQL alone
        self.licence = found[0] if found and kind == "timescale" else None
        self._keys = count(1)

    def new_device(self) -> int:
        return next(self._keys)

    def store(self, key: int, *rows: tuple[datetime, dict[str, Any]], seq: int = 0) -> None:
        """As a gateway does: the readings, then what is late of them, in one transaction."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            write(cursor, key, rows, seq)

    def copy(self, *rows: tuple[Any, ...]) -> None:
        with self.connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)

    def keep_up(self, now: datetime, *, settle: bool = True) -> dict[str, int]:
        """One turn or, when others on this server are in the middle of something, as many as it takes."""
        counts: dict[str, int] = {}

        def turn() -> bool:
            done = keep_up(self.connection, now)
            assert done is not None
            assert not done.errors, done.errors
            counts.update(done.counts)
            _, closed_until, rolled_until, _ = state(self.connection)
            return not settle or rolled_until == closed_until

        until(turn, "the closed days are rolled up", limit=30, every=0.02)
        while roll_late(self.connection, wait=timedelta(0)):
            pass
        while tell_next_day(self.connection, None):
            pass
        return counts

    def told(self, key: int) -> list[tuple[datetime, int]]:
        """Days that are kept as JSON, and how many hours each has."""
        return self.connection.execute(
            "SELECT day, hours FROM readings_1h_told WHERE device_key = %s ORDER BY 1", (key,)
        ).fetchall()

    def page(self, key: int, since: datetime, until: datetime, limit: int, width: Any = "1h") -> Page:
        async def read() -> Page:
            async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
                return await read_buckets(connection, key, since, until, width, limit)

        return asyncio.run(read())

    def buckets(self, key: int, since: datetime, until: datetime, width: Any) -> list[dict[str, Any]]:
        text, following = self.page(key, since, until, 10_000, width)
        assert following is None
        items: list[dict[str, Any]] = json.loads(f"[{text}]")
        return items

    def from_raw(self, key: int, since: datetime, until: datetime, width: str) -> list[dict[str, Any]]:
        """The same question, answered from the readings by the plainest query there is."""
        columns = []
        for field in FIELDS:
            value = f"{field}::int" if field in TRUTHS else field
            columns.append(f"min({value}), avg({value})::float8, max({value}), count({value})")
        rows = self.connection.execute(
            f"SELECT date_bin('{BINS[width]}', ts, timestamptz '2020-01-01 00:00:00+08'), {', '.join(columns)}"
            " FROM readings WHERE device_key = %s AND ts >= %s AND ts < %s GROUP BY 1 ORDER BY 1",
            (key, since, until),
        ).fetchall()
        items = []
        for start, *values in rows:
            item: dict[str, Any] = {"ts": start.astimezone(UTC).isoformat()}
            for place, field in enumerate(FIELDS):
                least, mean, most, number = values[4 * place : 4 * place + 4]
                if number:
                    item[field] = {"min": least, "avg": pytest.approx(mean, abs=6e-4), "max": most, "count": number}
            items.append(item)
        return items

    def check(self, key: int, since: datetime, until: datetime) -> None:
        for width in BINS:
            assert self.buckets(key, since, until, width) == self.from_raw(key, since, until, width), width

    def rolled(self, name: str, key: int) -> list[tuple[datetime, int]]:
        """What the roll-up itself has: (bucket, heart rates counted)."""
        return self.connection.execute(
            f"SELECT bucket, heart_rate_count FROM readings_{name} WHERE device_key = %s ORDER BY 1", (key,)
        ).fetchall()

    def raw_count(self, key: int) -> int:
        row = self.connection.execute("SELECT count(*) FROM readings WHERE device_key = %s", (key,)).fetchone()
        assert row is not None
        return int(row[0])

    def compress(self) -> int:
        """Compresses every day that is there; how many there are. Only all of TimescaleDB has that."""
        if self.licence != "timescale":
            return 0
        done = self.connection.execute(
            "SELECT compress_chunk(chunk, if_not_compressed => true) FROM show_chunks('readings') AS chunk"
        )
        return len(done.fetchall())


def write(cursor: psycopg.Cursor[Any], key: int, rows: Any, seq: int = 0) -> None:
    stored = []
    for ts, fields in rows:
        names = "".join(f", {name}" for name in fields)
        cursor.execute(
            f"INSERT INTO readings (device_key, ts, seq, received_at{names})"
            f" VALUES (%s, %s, %s, clock_timestamp(){', %s' * len(fields)}) ON CONFLICT DO NOTHING",
            (key, ts, seq, *fields.values()),
        )
        stored.append((key, ts))
    note_late(cursor, stored)


@pytest.fixture(scope="module", params=["plain", pytest.param("timescale", marks=pytest.mark.timescale)])
def new_kept(request: pytest.FixtureRequest, postgres: PostgresServer) -> Iterator[Callable[[], Kept]]:
    """Calls for databases with the schema and nothing else. A server with TimescaleDB's Apache edition will do too."""
    server = postgres.url()
    if request.param != "plain":
        server = os.environ.get("ANHU_TEST_TIMESCALE_URL", "")
        if not server:
            pytest.skip("ANHU_TEST_TIMESCALE_URL names no server with TimescaleDB")
    with ExitStack() as opened:

        def new() -> Kept:
            if request.param != "plain":
                url = opened.enter_context(fresh_database(server, template=None))
                migrate(url)
            else:
                url = opened.enter_context(fresh_database(server))
            kept = Kept(url, request.param)
            opened.callback(kept.connection.close)
            return kept

        yield new


@pytest.fixture(scope="module")
def kept(new_kept: Callable[[], Kept]) -> Kept:
    """One database for all tests that change nobody's past but their own device's."""
    return new_kept()


def test_roll_ups_are_kept_as_the_server_can(kept: Kept) -> None:
    row = kept.connection.execute("SELECT kept_as FROM readings_rollup").fetchone()
    assert row == ("aggregates" if kept.licence == "timescale" else "tables",)


def test_what_was_there_before_and_what_comes_late_is_in_the_roll_ups_after_the_next_turn(kept: Kept) -> None:
    key, start = kept.new_device(), TODAY - 40 * DAY
    rows = [
        (start + n * 17 * MINUTE, {"heart_rate": 60 + n % 37, "worn": n % 3 > 0} | ({"steps": n} if n % 5 else {}))
        for n in range(300)
    ]
    kept.store(key, *rows)
    window = (start - DAY, TODAY + DAY)
    assert not kept.rolled("1h", key)
    kept.check(key, *window)
    kept.keep_up(TODAY + 12 * HOUR)
    assert sum(number for _, number in kept.rolled("1m", key)) == 300
    assert sum(number for _, number in kept.rolled("1h", key)) == 300
    assert sum(number for _, number in kept.rolled("1d", key)) == 300
    kept.check(key, *window)
    # Cut in the middle of a minute, an hour and a day.
    kept.check(key, start + timedelta(minutes=90, seconds=12), start + timedelta(days=2, minutes=17, seconds=1))


def test_a_repeat_counts_once_and_a_late_one_in_a_compressed_day_too(kept: Kept) -> None:
    key, ts = kept.new_device(), TODAY - 20 * DAY + 5 * HOUR
    kept.store(key, (ts, {"heart_rate": 70}), (ts + MINUTE, {"heart_rate": 80}))
    kept.keep_up(TODAY + 12 * HOUR)
    kept.compress()
    before = kept.rolled("1h", key)
    kept.store(key, (ts, {"heart_rate": 70}))
    kept.store(key, (ts + MINUTE / 2, {"heart_rate": 90}))
    with pytest.raises(psycopg.errors.UniqueViolation):
        kept.copy((key, ts, 0, ts, 70))
    assert kept.raw_count(key) == 3
    assert kept.rolled("1h", key) == before, "behind, and known to be: nobody is told it"
    kept.check(key, ts - DAY, TODAY)
    kept.keep_up(TODAY + 12 * HOUR)
    assert [number for _, number in kept.rolled("1h", key)] == [3]
    kept.check(key, ts - DAY, TODAY)


def test_late_readings_of_many_devices_go_into_a_compressed_day_at_once(kept: Kept) -> None:
    """More than TimescaleDB would take apart in one transaction by itself: 120 devices with a thousand rows each."""
    ts, keys = TODAY - 30 * DAY, [kept.new_device() for _ in range(120)]
    fill = """INSERT INTO readings (device_key, ts, received_at, heart_rate)
        SELECT key, %s + n * interval '1 minute', now(), 70 FROM unnest(%s::int[]) key, generate_series(0, 999) n"""
    kept.connection.execute(fill, (ts, keys))
    kept.compress()
    kept.connection.execute("SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0")  # as the gateway does
    with kept.connection.transaction(), kept.connection.cursor() as cursor:
        kept.copy(*((key, ts + HOUR, 1, ts, 71) for key in keys))
        note_late(cursor, [(key, ts + HOUR) for key in keys])
    row = kept.connection.execute(
        "SELECT count(*) FROM readings WHERE ts >= %s AND ts < %s AND seq = 1", (ts, ts + DAY)
    ).fetchone()
    assert row == (120,)


def test_days_of_hours_are_told_in_the_very_words_that_hours_make(kept: Kept) -> None:
    key, start = kept.new_device(), TODAY - 15 * DAY
    # A day without any, one with a single hour, one whose hours are not all there.
    offsets = [*(n * 50 * MINUTE for n in range(60)), 4 * DAY + 23 * HOUR, *(5 * DAY + n * 3 * HOUR for n in range(8))]
    kept.store(key, *((start + offset, {"heart_rate": 60 + n / 2, "steps": n}) for n, offset in enumerate(offsets)))
    window = (start - DAY / 3, start + 7 * DAY)
    kept.keep_up(TODAY + 12 * HOUR)
    assert [number for _, number in kept.told(key)] == [24, 24, 2, 1, 8]
    told = kept.page(key, *window, 10_000)
    kept.check(key, *window)
    tell_until = "UPDATE readings_rollup SET told_until = %s"
    kept.connection.execute(tell_until, (TODAY - 100 * DAY,))
    assert kept.page(key, *window, 10_000) == told, "now made of hours"
    kept.connection.execute(tell_until, (TODAY,))
    # That it is the told days that are read:
    kept.connection.execute("UPDATE readings_1h_told SET told = '{}' WHERE device_key = %s", (key,))
    assert kept.buckets(key, *window, "1h") == [{}] * 5
    # Something comes late for the first: it is not told until it is made anew, and then as it is.
    kept.store(key, (start + 5 * MINUTE, {"spo2": 97}))
    items = kept.buckets(key, *window, "1h")
    assert items[:24] == kept.from_raw(key, start, start + DAY, "1h")
    assert items[24:] == [{}] * 4
    kept.keep_up(TODAY + 12 * HOUR)
    assert kept.buckets(key, *window, "1h")[:25] == [*kept.from_raw(key, start, start + DAY, "1h"), {}]


def test_a_page_ends_in_a_told_day_between_two_and_with_the_last(kept: Kept) -> None:
    key, start = kept.new_device(), TODAY - 15 * DAY
    kept.store(key, *((start + n * HOUR, {"heart_rate": 60}) for n in range(72)))
    kept.store(key, *((start + 6 * DAY + n * HOUR, {"heart_rate": 70}) for n in (1, 2)))
    kept.keep_up(TODAY + 12 * HOUR)
    kept.store(key, (start + 30 * HOUR + MINUTE, {"heart_rate": 65}), (TODAY, {"heart_rate": 80}))
    until = TODAY + DAY
    for behind in (True, False):
        whole = kept.page(key, start, until, 10_000)
        instants = [datetime.fromisoformat(item["ts"]) for item in json.loads(f"[{whole[0]}]")]
        assert whole[1] is None
        assert len(instants) == 75
        for limit in (1, 5, 23, 24, 25, 30, 48, 49, 71, 72, 73, 74, 75, 76):
            text, following = kept.page(key, start, until, limit)
            assert json.loads(f"[{text}]") == json.loads(f"[{whole[0]}]")[:limit]
            assert following == (instants[limit - 1] if limit < 75 else None), limit
        texts, since = [], start
        while True:
            text, following = kept.page(key, since, until, 17)
            texts.append(text)
            if following is None:
                break
            since = following + HOUR
        assert ",".join(texts) == whole[0]
        if behind:
            kept.keep_up(TODAY + 12 * HOUR)
            assert len(kept.told(key)) == 4


def test_a_day_is_closed_only_when_all_who_did_not_know_are_done(new_kept: Callable[[], Kept]) -> None:
    """A writer asks what is closed, then the day is closed, then the writer commits: its reading must not be missed."""
    kept = new_kept()
    key, ts = kept.new_device(), TODAY + 5 * HOUR
    over = TODAY + DAY + 3 * HOUR
    kept.keep_up(TODAY + DAY)  # partitions: a new one would wait for the writer
    kept.store(kept.new_device(), (ts, {"heart_rate": 60}))  # and so would the first to make the day's chunk
    with psycopg.connect(kept.url) as writer:
        with writer.cursor() as cursor:
            write(cursor, key, [(ts, {"heart_rate": 70})])  # not committed yet
        counts = kept.keep_up(over, settle=False)
        assert "days_rolled" not in counts
        assert kept.raw_count(key) == 0
        kept.store(key, (ts + MINUTE, {"heart_rate": 90}))  # knows, and says it
        kept.keep_up(over, settle=False)
        assert not kept.rolled("1h", key)
        writer.commit()
    assert kept.keep_up(over)["days_rolled"] == 1
    assert kept.rolled("1h", key) == [(ts, 2)]
    kept.check(key, TODAY - DAY, TODAY + 3 * DAY)


def test_readers_see_every_reading_once_while_days_are_closed_and_late_ones_come(new_kept: Callable[[], Kept]) -> None:
    kept = new_kept()
    key, stored, ended = kept.new_device(), count(), threading.Event()
    written = 0

    def write_on() -> None:
        nonlocal written
        with psycopg.connect(kept.url, autocommit=True) as connection:
            for n in stored:
                if ended.is_set():
                    return
                ts = TODAY - 3 * DAY + (n * 37 % (6 * 24 * 60)) * MINUTE
                with connection.transaction(), connection.cursor() as cursor:
                    write(cursor, key, [(ts, {"heart_rate": 60 + n % 40})], seq=n)
                written = n + 1

    def seen(width: str) -> int:
        return sum(item["heart_rate"]["count"] for item in kept.buckets(key, TODAY - 5 * DAY, TODAY + 5 * DAY, width))

    thread = threading.Thread(target=write_on)
    thread.start()
    try:
        for turn in range(6):
            for width in BINS:
                before = written
                assert before <= seen(width) <= written + 1
            done = keep_up(kept.connection, TODAY + turn * 12 * HOUR)
            assert done is not None
            assert not set(done.errors) - {"partitions_made"}, "one that has to wait for a writer gives up soon"
            roll_late(kept.connection, at_once=5, wait=timedelta(0))
    finally:
        ended.set()
        thread.join()
    assert written > 10
    kept.check(key, TODAY - 5 * DAY, TODAY + 5 * DAY)
    kept.keep_up(TODAY + 5 * DAY)
    assert sum(number for _, number in kept.rolled("1d", key)) == written
    kept.check(key, TODAY - 5 * DAY, TODAY + 5 * DAY)


OFFSETS = st.integers(-6 * 24 * 3600, 3600).map(lambda seconds: timedelta(seconds=seconds))
READING = st.fixed_dictionaries(
    {"heart_rate": st.one_of(st.none(), st.integers(40, 600).map(lambda n: n / 2))},
    optional={"steps": st.integers(0, 200_000), "in_bed": st.booleans(), "rssi": st.integers(-150, 0)},
)
STEPS = st.lists(
    st.one_of(st.lists(st.tuples(OFFSETS, READING), min_size=1, max_size=8), st.just("keep up")), min_size=1, max_size=6
)


@examples(10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, OFFSETS, st.timedeltas(timedelta(seconds=1), 5 * DAY))
def test_buckets_are_what_the_readings_make_whatever_came_when(
    kept: Kept, steps: list[Any], begin: timedelta, span: timedelta
) -> None:
    key = kept.new_device()
    for number, step in enumerate(steps):
        if step == "keep up":
            kept.keep_up(TODAY + 12 * HOUR)
        else:
            kept.store(key, *((TODAY + offset, fields) for offset, fields in step), seq=number)
    kept.check(key, TODAY - 10 * DAY, TODAY + DAY)
    kept.check(key, TODAY + begin, TODAY + begin + span)


def test_retention_drops_readings_and_keeps_their_roll_ups(new_kept: Callable[[], Kept]) -> None:
    kept = new_kept()
    key, ts = kept.new_device(), TODAY + 3 * HOUR
    kept.connection.execute("UPDATE retention SET keep = '10 days' WHERE name = 'readings'")
    kept.keep_up(TODAY)
    kept.store(key, (ts, {"heart_rate": 70}), (ts + MINUTE, {"heart_rate": 80}), (ts + DAY, {"heart_rate": 75}))
    kept.keep_up(TODAY + 5 * DAY)
    expected = {width: kept.from_raw(key, ts - DAY, ts + 2 * DAY, width) for width in BINS}
    # Late, and not rolled up yet when its day would go: it goes later.
    kept.store(key, (ts + 2 * MINUTE, {"heart_rate": 90}))
    counts = kept.keep_up(TODAY + 11 * DAY)
    if kept.kind == "plain":
        assert counts["raw_dropped"] == 2, "yesterday's empty one too"
    kept.keep_up(TODAY + 11 * DAY)
    kept.keep_up(TODAY + 11 * DAY)
    assert kept.raw_count(key) == 1, "the second day is still there"
    hour = kept.buckets(key, ts - DAY, ts + 2 * DAY, "1h")
    assert hour[0]["heart_rate"] == {"min": 70, "avg": 80, "max": 90, "count": 3}
    assert hour[1:] == expected["1h"][1:]
    assert [item["heart_rate"]["count"] for item in kept.buckets(key, ts - DAY, ts + 2 * DAY, "1d")] == [3, 1]
    assert len(kept.buckets(key, ts - DAY, ts + 2 * DAY, "1m")) == 4
    # One that comes after its day has gone is stored, and changes nothing of what is known of that day.
    kept.store(key, (ts + 3 * MINUTE, {"heart_rate": 200}))
    assert kept.raw_count(key) == 2
    kept.keep_up(TODAY + 11 * DAY)
    assert kept.buckets(key, ts - DAY, ts + 2 * DAY, "1h") == hour
    assert kept.connection.execute("SELECT count(*) FROM readings_late").fetchone() == (0,)
    # At the end of their time the roll-ups go as well.
    kept.connection.execute("UPDATE retention SET keep = '30 days' WHERE name IN ('readings_1m', 'readings_1h')")
    assert len(kept.told(key)) == 2
    kept.keep_up(TODAY + 120 * DAY)
    kept.keep_up(TODAY + 120 * DAY)
    assert kept.told(key) == []
    assert kept.buckets(key, ts - DAY, ts + 2 * DAY, "1h") == []
    assert (kept.rolled("1m", key), kept.rolled("1h", key)) == ([], [])
    assert [number for _, number in kept.rolled("1d", key)] == [3, 1]
    assert kept.raw_count(key) == 0


def test_partitions_are_made_ahead(new_kept: Callable[[], Kept]) -> None:
    kept = new_kept()
    kept.keep_up(TODAY)
    key, ts = kept.new_device(), TODAY + retention.DAYS_AHEAD * DAY + 23 * HOUR
    kept.store(key, (ts, {"heart_rate": 70}))
    table = kept.connection.execute("SELECT tableoid::regclass::text FROM readings WHERE device_key = %s", (key,))
    row = table.fetchone()
    assert row is not None
    assert row[0] == f"readings_{ts:%Y%m%d}" if kept.kind == "plain" else row[0].startswith("_timescaledb_internal")
    assert "partitions_made" not in kept.keep_up(TODAY), "once"


def test_of_two_upkeeps_one_does_the_work(kept: Kept) -> None:
    with psycopg.connect(kept.url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('anhu upkeep', 0))")
        assert keep_up(kept.connection, TODAY) is None
        other.execute("SELECT pg_advisory_unlock_all()")
    assert keep_up(kept.connection, TODAY) is not None
    with psycopg.connect(kept.url, autocommit=True) as other:
        assert keep_up(other, TODAY) is not None, "whoever is done lets go"


def test_rows_that_were_kept_long_enough_are_deleted_and_no_others(kept: Kept) -> None:
    insert = "INSERT INTO quarantine (received_at, topic, reason, detail, payload, payload_bytes)"
    ages = [DAY, 29 * DAY, 31 * DAY, 400 * DAY]
    for age in ages:
        values = (TODAY - age, "t", "r", "d", b"", 0)
        kept.connection.execute(f"{insert} VALUES (%s, %s, %s, %s, %s, %s)", values)
    assert kept.keep_up(TODAY)["rows_deleted"] == 2
    left = kept.connection.execute("SELECT received_at FROM quarantine ORDER BY 1 DESC").fetchall()
    assert [TODAY - at for (at,) in left] == ages[:2]
    kept.connection.execute("UPDATE retention SET keep = NULL WHERE name = 'quarantine'")
    retention.delete_aged(kept.connection, TODAY + 1000 * DAY, retention.kept(kept.connection))
    assert len(kept.connection.execute("SELECT 1 FROM quarantine").fetchall()) == 2, "kept for ever"


# Who is erased ------------------------------------------------------------------------------------------


def erase(kept: Kept, stretch: erasing.Stretch) -> None:
    """As erase_person does, in one transaction."""
    with kept.connection.transaction():
        state = kept.connection.execute(erasing.STATE).fetchone()
        assert state is not None
        aggregates = kept.connection.execute(erasing.AGGREGATES).fetchall() if state[0] == "aggregates" else []
        how = replace(erasing.kept(state, dict(aggregates)), now=TODAY + 100 * DAY)
        for statement, values in (*erasing.erasing(stretch, how), erasing.noting(stretch, how)):
            kept.connection.execute(statement, values)


def pack(kept: Kept) -> None:
    """Compresses readings and roll-ups, where the server does."""
    if kept.compress():
        for name in ("readings_1m", "readings_1h", "readings_1d"):
            kept.connection.execute(
                f"SELECT compress_chunk(chunk, if_not_compressed => true) FROM show_chunks('{name}') AS chunk"
            )


def told_hours(kept: Kept, key: int) -> int:
    return sum(hours for _, hours in kept.told(key))


def test_of_a_wearer_who_is_erased_no_mean_stays_and_of_the_others_each(kept: Kept) -> None:
    key, other, start = kept.new_device(), kept.new_device(), TODAY - 30 * DAY
    rows = [(start + n * 20 * MINUTE, {"heart_rate": 60 + n % 37}) for n in range(3 * 24 * 9)]
    kept.store(key, *rows)
    kept.store(other, *rows)
    kept.keep_up(TODAY + 12 * HOUR)
    pack(kept)
    # Given and taken back in the middle of an hour, which the wearer before and the one after keep.
    since, until_ = start + 2 * DAY + timedelta(hours=5, minutes=25), start + 6 * DAY + timedelta(hours=7, minutes=15)
    erase(kept, erasing.Stretch(key, since, until_))
    window = (start - DAY, TODAY + DAY)
    for _ in range(2):  # at once, and when upkeep has been there
        assert kept.raw_count(key) == sum(not since <= ts < until_ for ts, _ in rows)
        kept.check(key, *window)
        kept.check(other, *window)
        inside = (since + HOUR, until_ - HOUR)
        assert not any(inside[0] <= bucket < inside[1] for bucket, _ in kept.rolled("1h", key))
        assert not any(inside[0] <= bucket < inside[1] for bucket, _ in kept.rolled("1m", key))
        assert len([day for day, _ in kept.told(key) if since <= day < until_ - DAY]) == 0
        kept.keep_up(TODAY + 12 * HOUR)
    for width in ("1m", "1h", "1d"):
        assert sum(number for _, number in kept.rolled(width, key)) == kept.raw_count(key), width
    assert kept.connection.execute("SELECT count(*) FROM readings_erased").fetchone() == (0,)


def test_what_was_being_stored_and_rolled_while_somebody_was_erased_goes_with_the_next_turn(kept: Kept) -> None:
    key, start = kept.new_device(), TODAY - 20 * DAY
    rows = [(start + n * HOUR, {"heart_rate": 70}) for n in range(48)]
    stretch = erasing.Stretch(key, start, start + 2 * DAY)
    erase(kept, stretch)
    kept.store(key, *rows)
    while roll_late(kept.connection, wait=timedelta(0)):
        pass
    assert sum(number for _, number in kept.rolled("1d", key)) == 48
    kept.keep_up(TODAY + 12 * HOUR)
    for width in ("1m", "1h", "1d"):
        assert kept.rolled(width, key) == []
    assert (kept.raw_count(key), kept.told(key)) == (0, [])


def test_where_readings_are_dropped_their_means_go_and_the_others_days_are_told_again(
    new_kept: Callable[[], Kept],
) -> None:
    kept = new_kept()
    key, other, start = kept.new_device(), kept.new_device(), TODAY
    rows = [(start + n * 20 * MINUTE, {"heart_rate": 60 + n % 37}) for n in range(3 * 24 * 6)]
    kept.connection.execute("UPDATE retention SET keep = '3 days' WHERE name = 'readings'")
    kept.keep_up(TODAY)
    kept.store(key, *rows)
    kept.store(other, *rows)
    for _ in range(2):
        kept.keep_up(TODAY + 12 * DAY)
    assert kept.raw_count(key) == 0
    before, untouched = dict(kept.rolled("1h", key)), kept.rolled("1h", other)
    pack(kept)
    since, until_ = start + 2 * DAY + timedelta(hours=5, minutes=30), start + 4 * DAY + timedelta(hours=7, minutes=30)
    erase(kept, erasing.Stretch(key, since, until_))
    kept.keep_up(TODAY + 12 * DAY)
    left = {bucket: number for bucket, number in before.items() if not since - HOUR < bucket < until_}
    assert dict(kept.rolled("1h", key)) == left
    assert kept.rolled("1h", other) == untouched
    assert told_hours(kept, key) == len(left), "the days at the ends are told of who had it before and after"
    asked = kept.buckets(key, start, start + 7 * DAY, "1h")
    assert [datetime.fromisoformat(one["ts"]) for one in asked] == sorted(left)
