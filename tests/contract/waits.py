"""The waits that test_waits.py asks about: each a claim about seconds, each with people and devices of its own."""

import json
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import connect

from tests.contract.asking import bring_to, close_code, kinds, raised
from tests.parts import documents
from tests.parts.ports import free_port
from tests.parts.system import Device, Person, System, event, is_ready, live_address
from tests.parts.waiting import until


@dataclass
class Scene:
    """Who takes part in a wait: at the second station, where the other tests look on only in passing."""

    system: System
    wristbands: list[Device]
    operator: Person


def entry_time(person: Person, alert: dict[str, Any], kind: str, limit: float) -> datetime:
    """When the timeline says that something happened, once it has."""

    def found() -> list[dict[str, Any]]:
        detail = person.get(f"/alerts/{alert['id']}")
        return [line for line in detail["timeline"] if line["kind"] == kind]

    return datetime.fromisoformat(until(found, f"{kind} on the timeline", limit=limit, every=0.5)[0]["at"])


def a_fall_turns_red_after_30_s_and_climbs_60_s_later(scene: Scene) -> None:
    fall = raised(scene.wristbands[0], scene.operator, "fall")
    begun = datetime.fromisoformat(fall["raised_at"])
    red = entry_time(scene.operator, fall, "worsened", 45)
    assert timedelta(seconds=30) <= red - begun < timedelta(seconds=35)
    alert = scene.operator.alert_of(fall["event_id"])
    assert (alert["severity"], alert["state"]) == ("red", "triggered")
    assert alert["title"].startswith("紧急救援")
    climbed = entry_time(scene.operator, fall, "escalated", 75)
    assert timedelta(seconds=60) <= climbed - red < timedelta(seconds=65)


def a_fall_that_is_acknowledged_or_cancelled_never_turns_red(scene: Scene) -> None:
    """Proved by a fall of later: when that one is red, these would have been."""
    answered, cancelled, later = (raised(device, scene.operator, "fall") for device in scene.wristbands[:3])
    bring_to(scene.operator, answered, "acknowledged")
    scene.wristbands[1].press("cancel", cancels=cancelled["event_id"])
    entry_time(scene.operator, later, "worsened", 45)
    for fall, state in ((answered, "acknowledged"), (cancelled, "cancelled")):
        alert = scene.operator.get(f"/alerts/{fall['id']}")
        assert (alert["severity"], alert["state"]) == ("orange", state)
        assert "worsened" not in kinds(alert)


def an_sos_that_nobody_answers_is_on_the_streets_screen_after_60_s(scene: Scene) -> None:
    street, above = scene.system.sign_in("street-1"), scene.system.organization("street")
    unanswered, answered = (raised(device, scene.operator) for device in scene.wristbands[:2])
    bring_to(scene.operator, answered, "acknowledged")
    begun = datetime.fromisoformat(unanswered["raised_at"])
    with street.screen(above) as screen:
        assert unanswered["id"] not in {one["id"] for one in screen.welcome["open"]}
        while True:
            shown = screen.next_alert(limit=80)
            assert shown["id"] != answered["id"]
            if shown["id"] == unanswered["id"]:
                break
    assert shown["state"] == "triggered"
    climbed = entry_time(scene.operator, unanswered, "escalated", 5)
    assert timedelta(seconds=60) <= climbed - begun < timedelta(seconds=65)
    routes = [one["organization_id"] for one in scene.operator.get(f"/alerts/{unanswered['id']}")["routes"]]
    assert routes == [unanswered["organization_id"], above], "also there, and still here"


def a_screen_without_a_hello_is_closed_with_4401_after_10_s(scene: Scene) -> None:
    begun = time.monotonic()
    with connect(live_address(scene.operator.url, scene.system.seeded.organization_id)) as screen:
        assert close_code(lambda: screen.recv(30)) == 4401
    assert 9 < time.monotonic() - begun < 15


def a_heartbeat_comes_at_least_every_15_s(scene: Scene) -> None:
    """At an organisation where little happens."""
    quiet = scene.system.sign_in("district-1")
    with quiet.screen(scene.system.organization("district")) as screen:
        last = time.monotonic()
        for _ in range(3):
            frame = screen.receive(limit=15)
            while frame["type"] == "alert":
                frame = screen.receive(limit=15)
            assert frame["type"] == "heartbeat"
            assert "problems" not in frame, "nothing is wrong with the system"
            assert time.monotonic() - last <= 15
            last = time.monotonic()
            screen.send(type="alive")


def a_stream_outlives_its_access_token_until_sign_out(scene: Scene) -> None:
    """On an api of its own, whose tokens live 10 s."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    scene.system.start("api-short", ANHU_HTTP_PORT=str(port), ANHU_ACCESS_TOKEN_SECONDS="10")
    try:
        until(lambda: is_ready(url), "the api with short tokens is ready", limit=60, every=0.2)
        person = scene.system.sign_in("xichan-1", url=url)
        assert person.tokens["expires_in"] == 10
        with person.screen(scene.system.organization("community", 1)) as screen:
            until(lambda: person.http.get("/me").status_code == 401, "the token is too old", limit=25, every=0.5)
            alert = raised(scene.wristbands[0], scene.operator)
            while screen.next_alert(limit=20)["id"] != alert["id"]:
                pass
            renewed = person.http.post(
                "/token", data={"grant_type": "refresh_token", "refresh_token": person.tokens["refresh_token"]}
            ).json()
            person.http.headers["Authorization"] = f"Bearer {renewed['access_token']}"
            assert person.http.post("/sign-out").status_code == 204
            assert close_code(screen.receive) == 4401
    finally:
        process = scene.system.processes.pop("api-short")
        process.terminate()
        process.wait(20)


def a_screen_that_does_not_read_gets_4408_and_holds_up_nobody(scene: Scene) -> None:
    """A socket with a small buffer that stops reading, at an organisation of its own; another screen there is told of
    each press at once."""
    system = scene.system
    root = system.sign_in("city-1")
    station, device_id = str(uuid.uuid4()), "storm-1"
    system.sql(
        "INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, 'point', '风暴点（虚构）')",
        *(station, system.organization("district")),
    )
    # A name of 30 kB makes each frame as long: a dozen of them fill all buffers between server and screen.
    elder = str(uuid.uuid4())
    system.sql("INSERT INTO elders (id, organization_id, name) VALUES (%s, %s, %s)", elder, station, "长" * 10_000)
    system.sql(
        "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES (%s, 'wristband', %s, %s)",
        *(device_id, station, elder),
    )
    system.broker.add_device(device_id)
    address = urlsplit(live_address(root.url, station))
    stopped = socket.socket()
    stopped.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stopped.connect((address.hostname, address.port))
    with (
        connect(address.geturl(), sock=stopped, max_queue=1, compression=None, ping_interval=None) as lazy,
        root.screen(station) as eager,
        Device(system.broker, device_id) as device,
    ):
        lazy.send(json.dumps({"type": "hello", "token": root.tokens["access_token"]}))
        welcome = json.loads(lazy.recv(20))
        documents.check("live#/$defs/welcome", welcome)
        # From here on it reads nothing, while time passes: more than the 10 s that a frame may wait, less than the 45 s
        # after which the kernel gives the connection up.
        slowest, full_at, pressed = 0.0, 0.0, 0
        while pressed < 40 or time.monotonic() - full_at < 16:
            begun = time.monotonic()
            device.send(event("sos"))
            eager.next_alert(limit=20)
            slowest = max(slowest, time.monotonic() - begun)
            pressed += 1
            if pressed == 40:
                full_at = time.monotonic()
            elif pressed > 40:
                time.sleep(0.5)  # the time that passes is what it is about; it need not be full of presses
        assert slowest < 5, f"the screen that reads waited {slowest:.1f} s"
        last: int = welcome["seq"]

        def read_on() -> None:
            nonlocal last
            frame = json.loads(lazy.recv(30))
            if frame["type"] == "alert":
                assert frame["seq"] == last + 1, "what it still gets has no gap"
                last = frame["seq"]

        assert close_code(read_on) == 4408, "told why, not merely cut off"
        assert last < eager.seq
    with root.screen(station, after=last) as again:
        assert again.welcome["resumed"] is True
        while again.seq < eager.seq:
            again.next_alert()  # it has missed nothing


#: name: (the wait, how many wristbands it takes)
WAITS: dict[str, tuple[Callable[[Scene], None], int]] = {
    wait.__name__: (wait, wristbands)
    for wait, wristbands in (
        (a_fall_turns_red_after_30_s_and_climbs_60_s_later, 1),
        (a_fall_that_is_acknowledged_or_cancelled_never_turns_red, 3),
        (an_sos_that_nobody_answers_is_on_the_streets_screen_after_60_s, 2),
        (a_screen_without_a_hello_is_closed_with_4401_after_10_s, 0),
        (a_heartbeat_comes_at_least_every_15_s, 0),
        (a_stream_outlives_its_access_token_until_sign_out, 1),
        (a_screen_that_does_not_read_gets_4408_and_holds_up_nobody, 0),
    )
}
