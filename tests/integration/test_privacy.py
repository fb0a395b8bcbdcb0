"""Numbers sealed in steps, and trails that notice tampering, on a real database. People are invented."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from services.cli import app
from services.registry.erase_person import BLANKED, DELETED
from services.registry.rotate_keys import seal_in_upkeep
from services.registry.sealing import Keys, KeysError, new_key
from services.registry.telephones import opened_or_raise
from services.registry.trails import Verified, drop_old_trails, seal_trails, verify_trails
from services.storage.migrate import migrate
from services.storage.rolling import roll_late
from services.storage.upkeep import keep_up, prepare
from tests.parts.system import seed_database

Connection = psycopg.Connection[Any]

OLD, NEW = new_key("old"), new_key("new")


@pytest.fixture
def connection(database_url: str, tmp_path: Path) -> Iterator[Connection]:
    seed_database(database_url, tmp_path / "keys.json", 12)
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def _numbers(connection: Connection) -> list[tuple[str, bool]]:
    return connection.execute(
        "SELECT phone, phone_marks IS NOT NULL FROM elders WHERE phone IS NOT NULL"
        " UNION ALL SELECT phone, phone_marks IS NOT NULL FROM elder_contacts"
        " UNION ALL SELECT phone, phone_marks IS NOT NULL FROM responders"
    ).fetchall()


def test_plain_numbers_are_sealed_in_steps_and_keys_are_changed(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(phone for phone, _ in _numbers(connection))
    assert before
    assert not any(phone.startswith("~") for phone in before)
    [changes] = connection.execute("SELECT count(*) FROM changes").fetchone() or [None]
    assert seal_in_upkeep(database_url, Keys(""))() == 0, "without keys they stay as they are"
    assert seal_in_upkeep(database_url, Keys(OLD))() > 0
    assert seal_in_upkeep(database_url, Keys(OLD))() == 0, "again there is nothing to do"
    sealed = _numbers(connection)
    assert all(phone.startswith("~old:") and marked for phone, marked in sealed)
    assert sorted(str(opened_or_raise(Keys(OLD), phone)) for phone, _ in sealed) == before
    assert connection.execute("SELECT count(*) FROM changes").fetchone() == (changes,), "a number sealed is no change"
    monkeypatch.setenv("ANHU_DATABASE_URL", database_url)
    monkeypatch.setenv("ANHU_DATA_KEYS", f"{NEW},{OLD}")
    done = CliRunner().invoke(app, ["rotate-keys"])
    assert done.exit_code == 0, done.output
    with pytest.raises(KeysError, match="sealed with new, which ANHU_DATA_KEYS lacks"):
        seal_in_upkeep(database_url, Keys(OLD))()
    assert sorted(str(opened_or_raise(Keys(NEW), phone)) for phone, _ in _numbers(connection)) == before
    told = connection.execute("SELECT what, after FROM changes ORDER BY id DESC LIMIT 1").fetchone()
    assert told is not None
    assert (told[0], told[1]["values"] > 0) == ("sealed anew", True)


class Trail:
    """Some rows of both trails, and upkeep that seals them."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self.connection, self.keys = connection, keys

    def write(self, times: int = 1, at: str = "now()") -> None:
        self.connection.execute(
            f"INSERT INTO access_log (at, account_id, elder_id, what) SELECT {at}, a.id, e.id, 'elder'"
            " FROM (SELECT id FROM accounts LIMIT 1) a, (SELECT id FROM elders LIMIT 1) e, generate_series(1, %s)",
            (times,),
        )
        self.connection.execute(
            "INSERT INTO changes (at, subject, subject_id, what, actor, before, after) SELECT"
            f" {at}, 'elder', id::text, 'changed', '某', '{{\"address\": \"一号\"}}', '{{\"address\": \"二号\"}}'"
            " FROM elders, generate_series(1, %s)",
            (times,),
        )

    def seal(self, turns: int = 6) -> int:
        """Marked, waited for whoever writes, sealed: a turn of upkeep each."""
        step = seal_trails(self.keys)
        return sum(step(self.connection, datetime.now(UTC), lambda: False) for _ in range(turns))

    def verify(self, known: str = "") -> Verified:
        return verify_trails(self.connection, self.keys, known)

    def breaks(self, known: str = "") -> str:
        return "\n".join(map(str, self.verify(known).breaks))


@pytest.fixture
def trail(connection: Connection) -> Trail:
    made = Trail(connection, Keys(NEW))
    made.write(3)
    assert made.seal() >= 2
    made.write(2)
    made.seal()
    assert made.breaks() == ""
    return made


TAMPERING = {
    "a look is changed": ("UPDATE access_log SET what = 'alert' WHERE id = 2", "a row was changed"),
    "another time": ("UPDATE access_log SET at = at - interval '1 hour' WHERE id = 2", "a row was changed"),
    "a look is gone": ("DELETE FROM access_log WHERE id = 2", "rows were sealed"),
    "who changed it": (
        "UPDATE changes SET actor = '别人' WHERE id = (SELECT max(last_id) FROM trail_seals WHERE trail = 'changes')",
        "a row was changed",
    ),
    "what was changed": (
        "UPDATE changes SET after = '{}' WHERE id = (SELECT max(last_id) FROM trail_seals WHERE trail = 'changes')",
        "a row was changed",
    ),
    "a seal is gone": ("DELETE FROM trail_seals WHERE id = 2", "the seal"),
    "a seal is made to fit": (
        "UPDATE trail_seals SET count = count - 1 WHERE id = 1",
        "the seal itself was changed",
    ),
    "said to be kept long enough": ("UPDATE trail_seals SET gone_at = now() WHERE id = 1", "gone before their time"),
    "emptied as if erased": (
        "UPDATE changes SET said = sha256(convert_to('36;' || salt::text || octet_length(jsonb_build_array(before,"
        " after)::text) || ';' || jsonb_build_array(before, after)::text, 'UTF8')), before = NULL, after = NULL,"
        " salt = NULL WHERE id = (SELECT max(last_id) FROM trail_seals WHERE trail = 'changes')",
        "nobody erased them",
    ),
}


def test_tampering_is_noticed(trail: Trail) -> None:
    run, tables = trail.connection.execute, ("access_log", "changes", "trail_seals")
    for table in tables:
        run(f"CREATE TABLE before_{table} AS SELECT * FROM {table}")
    for what, (statement, told) in TAMPERING.items():
        assert run(statement).rowcount == 1, what
        assert told in trail.breaks(), what
        for table in tables:
            run(f"DELETE FROM {table}")
            run(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM before_{table}")
        assert trail.breaks() == ""


def test_the_end_is_cut_off_and_who_kept_the_head_notices(trail: Trail) -> None:
    head = trail.verify().head
    trail.connection.execute("DELETE FROM access_log WHERE id > (SELECT min(last_id) FROM trail_seals)")
    trail.connection.execute("DELETE FROM trail_seals WHERE id > 2")
    assert "its end was cut off" in trail.breaks(head)


def test_without_the_keys_nobody_makes_a_seal(trail: Trail) -> None:
    seen = verify_trails(trail.connection, Keys(OLD))
    assert (seen.unknown_keys, seen.breaks) == (seen.seals, [])
    trail.connection.execute("DELETE FROM access_log WHERE id = 2")
    trail.connection.execute("DELETE FROM trail_seals")
    other = Trail(trail.connection, Keys(OLD))
    other.seal()
    assert trail.verify().unknown_keys > 0, "another key's seals are told, not believed"


def test_whoever_writes_for_long_is_waited_for_and_waits_for_nobody(trail: Trail, database_url: str) -> None:
    with closing(psycopg.connect(database_url)) as slow:
        slow.execute("INSERT INTO access_log (at, account_id, what) SELECT now(), id, 'identity' FROM accounts LIMIT 1")
        trail.write(2)  # not kept waiting, and later ids than the slow one's
        sealed = trail.verify().rows
        trail.seal()
        assert trail.verify().rows == sealed, "nothing beyond the slow one's id"
        slow.commit()
    trail.seal()
    found = trail.verify()
    assert (found.breaks, found.unsealed) == ([], {"access_log": 0, "changes": 0})


def test_rows_are_kept_so_long_and_the_rest_of_the_chain_holds(connection: Connection) -> None:
    trail = Trail(connection, Keys(NEW))
    trail.write(2, at="now() - interval '1200 days'")
    connection.execute("UPDATE changes SET at = at - interval '1200 days' WHERE at > now() - interval '1 day'")
    trail.seal()
    trail.write(2)
    trail.seal()
    assert drop_old_trails(connection, datetime.now(UTC)) > 0
    found = trail.verify()
    assert (found.breaks, found.gone) == ([], 2)
    assert connection.execute("SELECT count(*) FROM access_log").fetchone() == (2,)
    connection.execute("UPDATE retention SET keep = %s WHERE name = 'changes'", (timedelta(days=3000),))
    assert "before their time" in trail.breaks()


def test_a_person_is_erased_by_command_and_the_seals_hold(
    trail: Trail, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANHU_DATABASE_URL", database_url)
    monkeypatch.setenv("ANHU_DATA_KEYS", NEW)
    [(elder,)] = trail.connection.execute("SELECT id::text FROM elders LIMIT 1").fetchall()

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, words)

    out = tmp_path / "out.json"
    assert run("person", "export", elder, str(out)).exit_code == 0
    assert json.loads(out.read_text("utf-8"))["elder"][0]["id"] == elder
    assert run("person", "export", elder, str(tmp_path / "out.html")).exit_code == 0
    assert run("person", "erase", elder, "--reason", "试验").exit_code == 1, "asks whether it is meant"
    done = run("person", "erase", elder, "--reason", "试验", "--yes")
    assert done.exit_code == 0, done.output
    emptied = trail.connection.execute(
        "SELECT count(*) FROM changes WHERE subject_id = %s AND said IS NOT NULL", (elder,)
    ).fetchone()
    assert emptied is not None
    assert emptied[0] >= 5
    trail.seal()
    told = run("audit", "verify")
    assert (told.exit_code, json.loads(told.stdout)["breaks"]) == (0, [])
    trail.connection.execute("DELETE FROM access_log WHERE id = 1")
    told = run("audit", "verify")
    assert (told.exit_code, json.loads(told.stdout)["holds"]) == (1, False)


def test_whatever_refers_to_elders_is_in_the_plan_of_erasing(connection: Connection) -> None:
    referring = connection.execute(
        "SELECT DISTINCT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
        " AND confrelid = 'elders'::regclass"
    ).fetchall()
    assert {table for (table,) in referring} == {*DELETED, *BLANKED}, "say in erase_person.py what becomes of it"


_WORE = """
INSERT INTO readings (device_key, ts, received_at, heart_rate)
SELECT key, ts, ts, 70 FROM devices, generate_series(now() - interval '4 days', now(), interval '1 hour') AS ts
WHERE device_id = ANY(%s)
"""
_LATE = """
INSERT INTO readings_late (device_key, hour) SELECT DISTINCT device_key,
    date_bin('1 hour', ts, timestamptz '2000-01-01 00:00:00+00') FROM readings
WHERE ts < (SELECT closed_until FROM readings_rollup)
"""


@pytest.mark.parametrize("kind", ["plain", pytest.param("timescale", marks=pytest.mark.timescale)])
def test_with_a_person_goes_what_they_wore_measured_and_every_mean_of_it(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue("database_url" if kind == "plain" else "timescale_url")
    if kind == "timescale":
        migrate(url)
    seed_database(url, tmp_path / "keys.json", 12)
    monkeypatch.setenv("ANHU_DATABASE_URL", url)
    with psycopg.connect(url, autocommit=True) as connection:
        [(elder, now_theirs), (neighbour, theirs)] = connection.execute(
            "SELECT elder_id::text, min(device_id) FROM devices WHERE elder_id IS NOT NULL"
            " GROUP BY 1 HAVING count(*) = 1 ORDER BY 1 LIMIT 2"
        ).fetchall()
        devices = [now_theirs, theirs]
        bind = "UPDATE devices SET elder_id = %s WHERE device_id = %s"
        # The neighbour's was theirs until now, and so before that the neighbour's reading of it is nobody else's.
        connection.execute(bind, (elder, theirs))
        connection.execute(bind, (neighbour, theirs))
        taken_back = datetime.now(UTC)
        connection.execute("UPDATE devices SET elder_since = '2020-01-01' WHERE device_id = %s", (now_theirs,))
        connection.execute("UPDATE changes SET at = at - interval '2 days' WHERE subject_id = %s", (theirs,))
        connection.execute(_WORE, (devices,))
        connection.execute(_LATE)
        prepare(connection)
        keep_up(connection, datetime.now(UTC))
        while roll_late(connection, wait=timedelta(0)):
            pass
        done = CliRunner().invoke(app, ("person", "erase", elder, "--reason", "试验", "--yes"))
        assert done.exit_code == 0, done.output

        def counted(table: str, time: str) -> dict[str, int]:
            return dict(
                connection.execute(
                    f"SELECT d.device_id, count(*) FROM {table} r JOIN devices d ON d.key = r.device_key"
                    f" WHERE device_id = ANY(%s) AND {time} < %s GROUP BY 1",
                    (devices, taken_back),
                ).fetchall()
            )

        for table, time in (("readings", "ts"), ("readings_1m", "bucket"), ("readings_1h", "bucket")):
            assert now_theirs not in counted(table, time), table
        assert counted("readings", "ts")[theirs] > 40, "what the neighbour's measured since is the neighbour's"
        assert connection.execute("SELECT count(*) FROM readings_erased").fetchone() != (0,)
        done_again = keep_up(connection, datetime.now(UTC))
        assert done_again is not None
        assert (done_again.errors, done_again.counts["erased_again"] >= 1) == ({}, True)
        assert connection.execute("SELECT count(*) FROM readings_erased").fetchone() == (0,)
