"""The database and the broker go away in the middle, and come back: nothing is lost, and everybody is told."""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import httpx
import psycopg

from tests.faults.conftest import Fragile
from tests.faults.storm import Storm, assert_exactly_once, eventually, lateness
from tests.parts.figures import Tell
from tests.parts.system import System


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
        eventually(lambda: problems(self._system) & self._codes, f"/readyz tells {self._codes}", limit=8)
        noticed = time.monotonic() - began
        time.sleep(max(0.0, began + seconds - time.monotonic()))  # the outage itself
        back()
        began = time.monotonic()
        self._system.wait_until_ready(20)
        self.told.append(
            f"{what} for {seconds:g} s: 503 after {noticed:.1f} s, 200 again {time.monotonic() - began:.1f} s"
        )


def logs(system: System) -> dict[str, int]:
    """How much each process has logged."""
    return {name: len(system.log(name)) for name in system.processes}


def assert_told(
    system: System, before: dict[str, int], most: int, by: Sequence[str] = ("gateway", "alerts", "api")
) -> None:
    """Since `before` each of them complained, and none said the same more than `most` times: not each second."""
    for name in by:
        fresh = system.log(name)[before[name] :]
        lines = re.findall(r"(?m)^[\d-]+ [\d:,]+ (?:ERROR|WARNING|CRITICAL) +([\w.]+: .{0,40})", fresh)
        told = Counter(re.sub(r"\d+", "0", line) for line in lines)
        assert told, f"{name} did not say a word"
        often = {line: times for line, times in told.items() if times > most}
        assert not often, f"{name} said more than {most} times: {often}"


def test_the_database_stops_for_ten_seconds_and_is_killed(
    fragile: Fragile, storm: Callable[..., Storm], tell: Tell
) -> None:
    database, before = fragile.postgres, logs(fragile)
    raging = storm(fragile, presses=350, rate=15, seed=2)
    raging.wait_until_pressing()
    outage = Outage(fragile, "database")
    outage("stopped", database.stop, database.start, 10)
    outage("kill -9", database.kill, database.start, 3)
    presses = raging.result()
    assert_exactly_once(fragile, presses)
    assert_told(fragile, before, most=4)  # by who listens, and later by who asks seldom
    tell(f"{len(presses)} presses; {'; '.join(outage.told)}; {lateness(presses)}")


def test_the_broker_stops_and_is_killed(fragile: Fragile, storm: Callable[..., Storm], tell: Tell) -> None:
    broker, before = fragile.broker, logs(fragile)
    raging = storm(fragile, presses=250, rate=20, seed=3)
    raging.wait_until_pressing()
    outage = Outage(fragile, "gateway_mqtt", "alerts_mqtt")
    outage("stopped", broker.stop, broker.start, 4)
    outage("kill -9", broker.kill, broker.start, 2)
    presses = raging.result()
    assert_exactly_once(fragile, presses)
    assert_told(fragile, before, most=4, by=("gateway", "alerts"))  # a slot has two connections, each with its line
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
    fragile: Fragile, storm: Callable[..., Storm], tell: Tell
) -> None:
    system, logged = fragile, logs(fragile)
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
            with ExitStack() as opened:
                before = stored()[0]
                raging = storm(system, presses=120, rate=12, seed=len(what))
                eventually(lambda: stored()[0] > before + 5, "the first presses", limit=30)  # noqa: B023
                eventually(alert := lambda: person.get("/alerts", state="triggered")["items"], "an alert")
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
                eventually(lambda: system.sql(seen, shown["id"]), "the alert is seen")  # noqa: B023
                presses = raging.result()
            assert_exactly_once(system, presses)
            tell(f"{what} for 4.5 s, {len(presses)} presses; {lateness(presses)}")
    person.http.close()
    assert_told(system, logged, most=2)
