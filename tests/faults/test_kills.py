"""Any process may die at any time: kill -9 of each, again and again, while people press."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import httpx

from tests.faults.killing import Killer, start_named
from tests.faults.storm import Storm, assert_exactly_once, eventually, lateness, redelivered
from tests.parts.figures import Tell
from tests.parts.system import System

NAMES = ("gateway", "alerts", "api")


@contextlib.contextmanager
def answering(system: System) -> Iterator[set[str]]:
    """An operator who acknowledges whatever is open, and asks again when an answer is lost; the alerts answered."""
    person = system.sign_in("city-1")
    answered: set[str] = set()
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            with contextlib.suppress(httpx.HTTPError):
                page = person.http.get("/alerts", params={"state": "triggered", "limit": 50})
                for alert in page.json()["items"] if page.status_code == 200 else ():
                    if person.move(alert, "acknowledge", note="接到").status_code == 200:
                        answered.add(alert["id"])
            ended.wait(0.1)

    thread = threading.Thread(target=work, name="operator")
    thread.start()
    try:
        yield answered
    finally:
        ended.set()
        thread.join(30)
        person.http.close()


def test_every_press_is_in_one_alert_though_every_process_is_killed_again_and_again(
    own_system: System, storm: Callable[..., Storm], tell: Tell
) -> None:
    start_named(own_system, *NAMES)
    own_system.wait_until_ready()
    with answering(own_system) as answered:
        raging = storm(own_system, presses=400, rate=25, seed=20261122)
        raging.wait_until_pressing()
        with Killer(own_system, NAMES, 20261122, times=3) as killer:
            eventually(raging.is_over, "the storm's end", limit=90)
        presses = raging.result()
        own_system.wait_until_ready()
    assert_exactly_once(own_system, presses)
    entries = own_system.sql(
        "SELECT alert_id::text, count(*) FROM alert_timeline WHERE kind = 'acknowledged' GROUP BY 1"
    )
    assert {alert_id: times for alert_id, times in entries if times != 1} == {}
    assert answered <= {alert_id for alert_id, _ in entries}, "an answer that was given is not in the timeline"

    repeated = sum(press.sends > 1 for press in presses)
    tell(
        f"{len(presses)} presses, {killer}; {redelivered(own_system, presses)} committed and not acknowledged,"
        f" {repeated} repeated by their devices; {len(answered)} alerts answered meanwhile; {lateness(presses)}"
    )
    assert killer.inside["gateway"] > 0, f"no kill of the gateway landed inside a batch: {killer}"
    assert killer.inside["alerts"] > 0, f"no kill of alerts landed inside a batch: {killer}"
    assert set(killer.kills) == set(NAMES), f"not every process was killed: {killer}"
