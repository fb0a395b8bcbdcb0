"""`anhu watch` on a running system: synthetic presses come through unseen, and what is wrong goes out another way."""

import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.parts.postgres import PostgresServer
from tests.parts.system import Device, System, event, live_address, system_at
from tests.parts.waiting import until


class Webhook:
    """What a duty phone's service would get."""

    def __init__(self) -> None:
        told = self.told = list[dict[str, Any]]()

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def has(self, code: str, state: str = "on") -> bool:
        return any((one["code"], one["state"]) == (code, state) for one in self.told)

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.stop()


@pytest.fixture
def watched(server_folder: Path, postgres: PostgresServer, webhook: Webhook) -> Iterator[System]:
    with system_at(server_folder / "system", postgres, elders=3) as system:
        system.start()
        system.wait_until_ready()
        system.start(
            "watch",
            ANHU_WATCH_PROBE_SECONDS="1",
            ANHU_WATCH_AUDIT_SECONDS="0.5",
            ANHU_AUDIT_WEBHOOK=f"http://127.0.0.1:{webhook.server.server_port}/",
        )
        yield system


def asked(system: System, path: str) -> str:
    with urllib.request.urlopen(f"{system.url}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def lose_timers(system: System) -> None:
    """All there are. A worker that takes some of them meanwhile may be in the way, and either may lose."""

    def lost() -> bool:
        try:
            system.sql("DELETE FROM alert_timers")
        except psycopg.errors.DeadlockDetected:
            return False
        return True

    until(lost, "no alert has a timer")


def test_the_whole_watch(watched: System, webhook: Webhook) -> None:
    operator = watched.sign_in()
    with operator.screen() as screen:
        # Every station's press comes through, and nobody sees one.
        until(
            lambda: (
                watched.sql(
                    "SELECT bool_and(p.shown_at IS NOT NULL) FROM organizations o"
                    " LEFT JOIN probe_results p ON p.organization_id = o.id"
                )
                == [(True,)]
            ),
            "a synthetic press came through to every station",
        )
        [(slowest,)] = watched.sql("SELECT max(seconds) FROM probe_results")
        assert 0 < slowest < 10
        until(lambda: "anhu_probe_seconds_count" in asked(watched, "/metrics"), "its latency is a metric")
        assert operator.get("/alerts")["items"] == []
        assert watched.sql("SELECT count(*) FROM station_feed") == [(0,)]
        # Presses that are under way are rows for a moment; none is old.
        assert watched.sql("SELECT count(*) FROM events WHERE received_at < now() - interval '10 seconds'") == [(0,)]
        with watched_device(watched) as device:
            refused = device.send(event("probe"))  # a device may not
            assert device.receipt(refused["event_id"], "rejected").body["reason"] == "unknown_type"
            device.press()
            alert = screen.next_alert()
        assert screen.seq == 1, "the real press is the first frame there ever was"

        # Whoever else calls themselves a prober is shown nothing.
        with connect(live_address(watched.url, watched.seeded.organization_id)) as socket:
            socket.send(json.dumps({"type": "hello", "token": operator.tokens["access_token"], "probe": True}))
            with pytest.raises(ConnectionClosed):
                socket.recv(10)
            assert socket.close_code == 4403

        # An alert that nothing will carry on: its station's screen says so, and the duty phone.
        lose_timers(watched)
        until(lambda: webhook.has("alert_unscheduled"), "the audit has found it")
        [told] = [one for one in webhook.told if one["code"] == "alert_unscheduled"]
        assert (told["subject"], told["grave"]) == (alert["id"], True)
        until(lambda: "不会自动升级" in str(problems_on(screen)), "the screen says so", limit=30)
        assert "alert_unscheduled" in asked(watched, "/readyz")
        assert operator.move(alert, "acknowledge").status_code == 200
        until(lambda: webhook.has("alert_unscheduled", "over"), "and it is over")

    # Nobody takes presses in: the synthetic ones stop at the screen, and the worker is missed.
    watched.kill("alerts")
    until(lambda: webhook.has("alerts_silent"), "the worker is missed", limit=60)
    until(
        lambda: any(one["code"] == "probe_missing" and "stopped at shown" in one["detail"] for one in webhook.told),
        "and the presses",
        limit=60,
    )
    watched.start("alerts")
    until(lambda: webhook.has("probe_missing", "over") and webhook.has("alerts_silent", "over"), "both over", limit=60)
    watched.wait_until_ready()


def watched_device(system: System) -> Device:
    return Device(system.broker, system.station_devices("wristband")[0])


def problems_on(screen: Any) -> list[Any]:
    frame = screen.receive()
    if frame["type"] == "heartbeat":
        screen.send(type="alive")
    return list(frame.get("problems", []))
