"""The database and the broker go away in the middle, and come back: nothing is lost, and everybody is told."""

import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.faults.conftest import Tell, storms
from tests.faults.storm import Storm, assert_exactly_once, lateness
from tests.parts.broker import Broker
from tests.parts.postgres import PostgresServer
from tests.parts.system import System
from tests.parts.waiting import until


def problems(system: System) -> set[str]:
    """The codes that /readyz gives with 503; none when it says 200."""
    answer = httpx.get(f"{system.url}/readyz", timeout=10)
    codes = {problem["code"] for problem in answer.json()["problems"]}
    assert (answer.status_code == 200) == (not codes)
    return codes


class Outage:
    """Takes a part away for some seconds; measures how soon /readyz says so, and how soon it is well again."""

    def __init__(self, system: System, *codes: str) -> None:
        self._system, self._codes = system, set(codes)
        self.told: list[str] = []

    def __call__(self, what: str, away: Callable[[], None], back: Callable[[], None], seconds: float) -> None:
        began = time.monotonic()
        away()
        until(lambda: problems(self._system) & self._codes, f"/readyz tells {self._codes}", limit=8, every=0.1)
        noticed = time.monotonic() - began
        time.sleep(max(0.0, began + seconds - time.monotonic()))  # the outage itself
        back()
        began = time.monotonic()
        self._system.wait_until_ready(20)
        self.told.append(
            f"{what} for {seconds:g} s: 503 after {noticed:.1f} s, 200 again {time.monotonic() - began:.1f} s"
        )


def complaints(system: System, name: str) -> Counter[str]:
    """How often each error or warning was logged; what differs from one to the next is left out."""
    lines = re.findall(r"(?m)^[\d-]+ [\d:,]+ (?:ERROR|WARNING|CRITICAL) +([\w.]+: .{0,40})", system.log(name))
    return Counter(re.sub(r"\d+", "0", line) for line in lines)


def assert_told_once(system: System, outages: int) -> None:
    """An outage is told once by each part that has it, not each second."""
    often = {
        (name, line): times
        for name in system.processes
        for line, times in complaints(system, name).items()
        if times > outages
    }
    assert not often, f"{outages} outages, told more often: {often}"
    for name in system.processes:
        assert complaints(system, name), f"{name} did not say a word"


def test_the_database_stops_for_ten_seconds_and_is_killed(
    fragile_system: System, own_postgres: PostgresServer, tmp_path: Path, tell: Tell
) -> None:
    system = fragile_system
    system.start()
    system.wait_until_ready()
    with storms(system, tmp_path) as storm:
        raging = storm(presses=400, rate=15, seed=2)
        raging.wait_until_pressing(system)
        outage = Outage(system, "database")
        outage("stopped", own_postgres.stop, own_postgres.start, 10)
        outage("kill -9", own_postgres.kill, own_postgres.start, 3)
        presses = raging.result()
    assert_exactly_once(system, presses)
    assert_told_once(system, 2)
    tell(f"{len(presses)} presses; {'; '.join(outage.told)}; {lateness(presses)}")


def test_the_broker_stops_and_is_killed(
    own_system: System, broker: Broker, storm: Callable[..., Storm], tell: Tell
) -> None:
    own_system.start()
    own_system.wait_until_ready()
    raging = storm(presses=300, rate=20, seed=3)
    raging.wait_until_pressing(own_system)
    outage = Outage(own_system, "gateway_mqtt", "alerts_mqtt")
    outage("stopped", broker.stop, broker.start, 4)
    outage("kill -9", broker.kill, broker.start, 2)
    presses = raging.result()
    assert_exactly_once(own_system, presses)
    for name in ("gateway", "alerts"):
        lines = complaints(own_system, name)
        assert lines, f"{name} did not say a word"
        # Two connections a slot, each with its own line.
        assert max(lines.values()) <= 4, lines
    tell(f"{len(presses)} presses; {'; '.join(outage.told)}; {lateness(presses)}")


DISK_FULL = """
CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file "base/1/1": No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER disk_full BEFORE INSERT ON events EXECUTE FUNCTION disk_full();
CREATE TRIGGER disk_full BEFORE INSERT ON alerts EXECUTE FUNCTION disk_full();
"""
ROOM_AGAIN = "DROP TRIGGER disk_full ON events; DROP TRIGGER disk_full ON alerts"


def test_while_the_database_takes_no_writes_nothing_is_acknowledged_and_nothing_is_lost(
    fragile_system: System, tmp_path: Path, tell: Tell
) -> None:
    system = fragile_system
    system.start()
    system.wait_until_ready()
    with psycopg.connect(
        system.database_url, autocommit=True, options="-c default_transaction_read_only=off"
    ) as connection:

        def read_only(on: str) -> None:
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {on}")
            connection.execute("SELECT pg_reload_conf()")

        def stored() -> Any:
            return connection.execute("SELECT count(*), sum(repeats) FROM events").fetchone()

        person = system.sign_in("city-1")
        outages: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
            ("read-only", lambda: read_only("on"), lambda: read_only("off")),
            ("disk full", lambda: connection.execute(DISK_FULL), lambda: connection.execute(ROOM_AGAIN)),
        ]
        for what, away, back in outages:
            with ExitStack() as opened, storms(system, tmp_path / what.replace(" ", "-")) as storm:
                before = stored()[0]
                raging = storm(presses=60, rate=12, seed=len(what))
                until(lambda: stored()[0] > before + 5, "the first presses", limit=30)  # noqa: B023
                until(alert := lambda: person.get("/alerts", state="triggered")["items"], "an alert")
                shown = alert()[0]
                station = opened.enter_context(person.screen(shown["organization_id"]))
                away()
                time.sleep(0.5)  # what was under way ends
                held = stored()
                station.send(type="seen", alert_id=shown["id"])
                time.sleep(4)  # the outage itself
                assert stored() == held, f"{what}: something was stored"
                assert not raging.is_over(), f"{what}: every press was told stored, though nothing could be"
                assert all(process.poll() is None for process in system.processes.values()), (
                    f"{what}: a process has died; see {system.directory}"
                )
                back()
                system.wait_until_ready()
                station.send(type="seen", alert_id=shown["id"])  # the same screen: the outage did not end it
                seen = "SELECT 1 FROM alerts WHERE id = %s AND seen_at IS NOT NULL"
                until(lambda: system.sql(seen, shown["id"]), "the alert is seen")  # noqa: B023
                presses = raging.result()
            assert_exactly_once(system, presses)
            tell(f"{what} for 4.5 s, {len(presses)} presses; {lateness(presses)}")
    person.http.close()
    assert_told_once(system, 2)
