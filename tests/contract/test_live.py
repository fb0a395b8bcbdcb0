"""The live stream: hello and welcome, resuming, no gaps, and what else a screen may say."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from websockets.sync.client import connect

from services.stations.feed import MOST_AT_ONCE, MOST_MISSED
from services.stations.session import Session
from tests.contract.asking import bring_to, close_code, make_due, raised
from tests.parts import documents
from tests.parts.ports import free_port, is_listening
from tests.parts.system import Device, Person, Screen, System, live_address
from tests.parts.waiting import until


def first_frame(person: Person, **hello: Any) -> dict[str, Any]:
    """The welcome that a hello gets, whatever the hello is like."""
    with connect(live_address(person.url, person.system.seeded.organization_id)) as socket:
        socket.send(json.dumps({"type": "hello", "token": person.tokens["access_token"]} | hello))
        frame = dict(json.loads(socket.recv(20)))
    documents.check("live#/$defs/welcome", frame)
    return frame


@pytest.mark.parametrize(
    "frame",
    [
        '{"type": "hello", "token": "no.such.token", "after": 0}',
        '{"type": "hello", "after": 0}',
        '{"type": "hello", "token": null}',
        '{"type": "alive"}',
        "[]",
        "not JSON",
        "[" * 10_000,
    ],
    ids=lambda frame: frame[:30],
)
def test_a_socket_is_accepted_and_a_first_frame_that_is_no_hello_is_4401(operator: Person, frame: str) -> None:
    with connect(live_address(operator.url, operator.system.seeded.organization_id)) as socket:
        socket.send(frame)
        assert close_code(lambda: socket.recv(20)) == 4401


def test_a_token_of_nobody_is_4401_even_where_there_is_no_organisation(operator: Person) -> None:
    with connect(live_address(operator.url, "0193a0b2-7c00-7000-8000-000000000001")) as socket:
        socket.send('{"type": "hello", "token": "no.such.token"}')
        assert close_code(lambda: socket.recv(20)) == 4401


def test_a_welcome_has_every_unresolved_alert_as_the_list_has_it(
    wristbands: Callable[[], Device], operator: Person
) -> None:
    states = ("triggered", "acknowledged", "dispatched", "arrived", "resolved")
    alerts = {state: bring_to(operator, raised(wristbands(), operator), state) for state in states}
    with operator.screen() as screen:
        assert screen.welcome["resumed"] is False
        shown = {alert["id"]: alert for alert in screen.welcome["open"]}
    for state, alert in alerts.items():
        assert (alert["id"] in shown) is (state != "resolved")
        if state != "resolved":
            assert shown[alert["id"]] == operator.get("/alerts", event_id=alert["event_id"])["items"][0]
    assert {alert["state"] for alert in shown.values()} <= set(states) - {"resolved"}


def test_no_after_0_null_and_the_future_begin_anew(operator: Person, wristband: Device) -> None:
    alert = raised(wristband, operator)
    for hello in ({}, {"after": 0}, {"after": None}, {"after": 10**9}):
        welcome = first_frame(operator, **hello)
        assert welcome["resumed"] is False
        assert alert["id"] in {one["id"] for one in welcome["open"]}


def test_what_is_older_than_24_hours_begins_anew(operator: Person, neighbour: Person, system: System) -> None:
    """At an organisation that nobody else looks at: a day cannot be waited for, so the rows' time is moved back."""
    point = system.organization("point")
    [(device_id,)] = system.sql(
        "SELECT device_id FROM devices WHERE kind = 'wristband' AND organization_id = %s ORDER BY 1 LIMIT 1", point
    )
    with Device(system.broker, device_id) as device:
        bring_to(operator, raised(device, operator), "acknowledged")
    with operator.screen(point) as screen:
        now = screen.seq
    with operator.screen(point, after=now - 1) as screen:
        assert (screen.welcome["resumed"], screen.seq) == (True, now - 1)
    system.sql("UPDATE station_feed SET at = at - interval '24 hours 1 second' WHERE organization_id = %s", point)
    with operator.screen(point, after=now - 1) as screen:
        assert (screen.welcome["resumed"], screen.welcome["seq"]) == (False, now)
        assert len(screen.welcome["open"]) == 1


def test_a_screen_that_was_away_resumes_and_has_missed_nothing(
    wristbands: Callable[[], Device], operator: Person
) -> None:
    with operator.screen() as screen:
        left_at = screen.seq
    alerts = [bring_to(operator, raised(wristbands(), operator), "dispatched") for _ in range(3)]
    with operator.screen(after=left_at) as screen:
        assert (screen.welcome["resumed"], screen.welcome["seq"], screen.welcome["open"]) == (True, left_at, [])
        for alert in alerts:  # one after the other, as they happened; next_of sees to it that seq has no gap
            for state in ("triggered", "acknowledged", "dispatched"):
                assert screen.next_of(alert)["state"] == state, "each as that change left it"
        assert operator.move(alerts[0], "arrive").status_code == 200
        assert screen.next_of(alerts[0])["state"] == "arrived", "and on it goes"
        now = screen.seq
    with operator.screen(after=now) as screen:
        assert (screen.welcome["resumed"], screen.seq) == (True, now)


def test_many_changes_at_once_have_no_gap_and_come_to_every_screen_alike(
    wristbands: Callable[[], Device], operator: Person, colleague: Person
) -> None:
    devices = [wristbands() for _ in range(8)]
    names = {device.device_id for device in devices}

    def change(device: Device, person: Person) -> str:
        alert = raised(device, operator)
        device.receipt(device.press()["event_id"], "raised")  # it is folded, not only stored
        person.move(alert, "acknowledge")
        person.move(alert, "dispatch", responder="李某（虚构）")
        device.receipt(device.press()["event_id"], "dispatched")
        person.move(alert, "resolve", outcome="test")
        return str(alert["id"])

    def watch(screen: Screen, wanted: int) -> list[tuple[int, str, int]]:
        seen = []
        resolved = 0
        while resolved < wanted:
            alert = screen.next_alert()  # asserts that seq is one more than before
            if alert["device_id"] in names:  # alerts of other tests may turn red or climb meanwhile
                seen.append((screen.seq, alert["id"], alert["version"]))
                resolved += alert["state"] == "resolved"
        return seen

    with operator.screen() as one, colleague.screen() as other, ThreadPoolExecutor(10) as pool:
        watching = [pool.submit(watch, screen, len(devices)) for screen in (one, other)]
        ids = list(pool.map(lambda pair: change(*pair), zip(devices, [operator, colleague] * 4, strict=True)))
        first, second = (job.result(60) for job in watching)
    assert first == second, "the same frames in the same order"
    for alert_id in ids:
        versions = [version for _, one_id, version in first if one_id == alert_id]
        assert versions == list(range(1, 7)), "every change of every alert, in its order"
    with operator.screen(after=first[0][0] - 1) as again:
        assert watch(again, len(devices)) == first, "and a screen that resumes gets the very same"


def test_seq_goes_on_over_processes_and_their_death(operator: Person, wristband: Device, system: System) -> None:
    port = free_port()
    system.start("api-mortal", ANHU_HTTP_PORT=str(port))
    url = f"http://127.0.0.1:{port}"
    address = live_address(url, system.seeded.organization_id)

    until(lambda: is_listening(port), "the second api listens", limit=30, every=0.1)
    with system.sign_in(url=url).screen() as screen:
        alert = raised(wristband, operator)
        assert screen.next_of(alert)["state"] == "triggered"
        system.kill("api-mortal")
        assert close_code(screen.receive) == 1006
        with pytest.raises(OSError, match="refused"):
            connect(address)
    assert operator.move(alert, "acknowledge").status_code == 200
    with operator.screen(after=screen.seq) as other:
        assert other.welcome["resumed"] is True, "on another process, with the seq of the dead one"
        assert other.next_of(alert)["state"] == "acknowledged"


def test_each_organisation_has_a_seq_of_its_own_and_an_escalation_is_a_frame_for_both(
    operator: Person, street: Person, wristband: Device, system: System
) -> None:
    above = system.organization("street")
    with operator.screen() as ours, street.screen(above) as theirs:
        alert = raised(wristband, operator)
        assert ours.next_of(alert)["version"] == 1
        make_due(system, alert, "escalate")
        ours_shown, theirs_shown = ours.next_of(alert), theirs.next_of(alert)
        assert ours_shown == theirs_shown
        assert (ours_shown["id"], ours_shown["version"], ours_shown["state"]) == (alert["id"], 2, "triggered")
        assert operator.move(alert, "acknowledge").status_code == 200
        for screen in (ours, theirs):
            assert screen.next_of(alert)["state"] == "acknowledged", "it is never taken off the first"


def test_a_frame_is_the_alert_as_the_answer_to_the_move_has_it(operator: Person, wristband: Device) -> None:
    with operator.screen() as screen:
        alert = raised(wristband, operator)
        assert screen.next_of(alert) == alert
        answer = operator.move(alert, "acknowledge").json()
        assert screen.next_of(alert) == answer


def test_what_is_not_understood_is_answered_and_the_stream_goes_on(operator: Person, wristband: Device) -> None:
    with operator.screen() as screen:
        for nonsense in (
            "not JSON",
            "[]",
            '{"type": "dance"}',
            '{"type": "seen", "alert_id": "17"}',
            '{"type": "hello"}',
        ):
            screen.socket.send(nonsense)
            assert screen.next_answer()["type"] == "error"
        screen.socket.send(b'{"type": "alive"}')
        alert = raised(wristband, operator)
        assert screen.next_of(alert)["version"] == 1


def test_signing_out_closes_the_stream_with_4401_and_no_other(system: System, operator: Person) -> None:
    leaving = system.sign_in()
    with leaving.screen() as screen, operator.screen() as other:
        assert leaving.http.post("/sign-out").status_code == 204
        assert close_code(screen.receive) == 4401
        other.send(type="seen", alert_id="17")
        assert other.next_answer()["type"] == "error", "the same account's other session goes on"


def test_a_burst_is_no_slowness_of_the_screen() -> None:
    """What the feed hands over in one go, before a screen could have read a frame of it: all that was missed, then one
    reading of what is new."""
    session = Session(now=0.0)
    session.receive('{"type": "hello", "token": "t", "after": 1}', now=0.0)
    missed = [(seq, {}) for seq in range(2, 2 + MOST_MISSED)]
    session.admitted(seq=1, open_alerts=[], missed=missed, now=0.0)
    for seq in range(2 + MOST_MISSED, 2 + MOST_MISSED + MOST_AT_ONCE):
        assert session.changed(seq, {}) == []
    sent = 0
    while session.next_frame(0.0) is not None:
        sent += 1
    assert sent == 1 + MOST_MISSED + MOST_AT_ONCE
