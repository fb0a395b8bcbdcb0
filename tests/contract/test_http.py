"""HTTP: signing in, who am I, lists with filters and pages, errors, and what stands at the root."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from services.cli import app
from tests.contract.asking import bring_to, raised, soon
from tests.parts import documents
from tests.parts.ports import free_port
from tests.parts.system import ROOT, Device, Person, System
from tests.parts.waiting import until


@pytest.fixture(scope="module")
def nobody(system: System) -> Iterator[httpx.Client]:
    """Somebody who is not signed in."""
    hooks = {"response": [documents.check_answer]}
    with httpx.Client(base_url=f"{system.url}/api/v1", timeout=20, event_hooks=hooks) as client:
        yield client


NO_SUCH = "0193a0b2-7c00-7000-8000-000000000001"


# Signing in -------------------------------------------------------------------------------------------


def test_a_token_opens_and_a_refresh_renews_it(system: System) -> None:
    person = system.sign_in("district-1")
    assert person.tokens["token_type"] == "bearer"
    assert 0 < person.tokens["expires_in"] <= 3600, "short-lived"
    old = person.tokens["refresh_token"]
    answer = person.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": old})
    assert answer.status_code == 200
    renewed = answer.json()
    assert renewed["refresh_token"] != old
    person.http.headers["Authorization"] = f"Bearer {renewed['access_token']}"
    assert person.get("/me")["username"] == "district-1"
    assert person.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": "no"}).status_code == 401
    assert person.http.post("/token", data={"grant_type": "refresh_token"}).status_code == 422


def test_a_refresh_token_that_comes_back_late_was_stolen_and_ends_the_session(system: System) -> None:
    """An addition of ours. The grace of 30 s for two tabs is shortened by moving the last refresh back in time."""
    person = system.sign_in("district-1")
    old = person.tokens["refresh_token"]
    renew = {"grant_type": "refresh_token", "refresh_token": old}
    renewed = person.http.post("/token", data=renew).json()
    assert person.http.post("/token", data=renew).status_code == 200, "two tabs, or an answer that was lost"
    system.sql(
        "UPDATE sessions SET refreshed_at = refreshed_at - interval '1 minute' WHERE account_id ="
        " (SELECT id FROM accounts WHERE username = 'district-1')"
    )
    thief = person.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": renewed["refresh_token"]})
    assert thief.status_code == 401
    assert person.http.get("/me").status_code == 401


def test_signing_out_ends_the_session_at_once(system: System) -> None:
    person = system.sign_in("district-1")
    assert person.http.post("/sign-out").status_code == 204
    assert person.http.get("/me").status_code == 401
    renewed = person.http.post(
        "/token", data={"grant_type": "refresh_token", "refresh_token": person.tokens["refresh_token"]}
    )
    assert renewed.status_code == 401


def test_too_many_failures_for_one_account_from_one_address_are_429(system: System, nobody: httpx.Client) -> None:
    """`anheyuan-1` is signed in by no other test: after this nobody can from here, though others still can."""
    account = system.account("anheyuan-1")
    wrong = {"username": account["username"], "password": "wrong"}
    statuses = [nobody.post("/token", data=wrong).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    right = nobody.post("/token", data={"username": account["username"], "password": account["password"]})
    assert right.status_code == 429, "the right password too, until the time is over"
    assert int(right.headers["retry-after"]) > 0
    assert system.sign_in("district-1").get("/me")["username"] == "district-1", "another account from the same address"


def test_wrong_sign_ins_look_all_the_same(system: System, nobody: httpx.Client) -> None:
    known = nobody.post("/token", data={"username": "admin", "password": "wrong"})
    unknown = nobody.post("/token", data={"username": "nobody-at-all", "password": "wrong"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json()) == (401, known.json())
    assert nobody.post("/token", data={"username": "admin"}).status_code == 422
    assert nobody.post("/token", json={"username": "admin"}).status_code == 422


@pytest.mark.parametrize(
    ("username", "role", "tiers"),
    [
        ("beichan-1", "operator", ["community"]),
        ("street-1", "operator", ["street"]),
        ("city-1", "operator", ["city"]),
        ("admin", "administrator", ["city"]),
        ("caregiver-1", "caregiver", []),
    ],
)
def test_me(system: System, username: str, role: str, tiers: list[str]) -> None:
    me = system.sign_in(username).get("/me")
    assert (me["username"], me["role"], [one["tier"] for one in me["organizations"]]) == (username, role, tiers)


# Lists ------------------------------------------------------------------------------------------------


def all_pages(person: Person, path: str, limit: int, **filters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = person.get(path, limit=limit, **filters, **({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items
        assert page["items"], "a page that has a next one is not empty"


def test_every_filter_of_the_alerts(wristbands: Callable[[], Device], operator: Person) -> None:
    begun = soon()
    one, other = wristbands(), wristbands()
    pressed = one.press()
    sos, water = operator.alert_of(pressed["event_id"]), raised(one, operator, "water_leak")
    gone, moved = raised(other, operator), raised(other, operator, "smoke")
    bring_to(operator, gone, "resolved")
    bring_to(operator, moved, "dispatched")

    def ids(**filters: Any) -> set[str]:
        return {alert["id"] for alert in all_pages(operator, "/alerts", 100, since=begun, **filters)} & {
            one["id"] for one in (sos, water, gone, moved)
        }

    assert ids() == {sos["id"], water["id"], gone["id"], moved["id"]}
    assert ids(state="open") == {sos["id"], water["id"], moved["id"]}
    assert ids(state="resolved") == {gone["id"]}
    assert ids(state=["resolved", "dispatched"]) == {gone["id"], moved["id"]}
    assert ids(state=["open", "resolved"]) == ids()
    assert ids(severity="yellow") == {water["id"]}
    assert ids(elder_id=sos["elder"]["id"]) == {sos["id"], water["id"]}
    assert ids(device_id=other.device_id) == {gone["id"], moved["id"]}
    assert ids(event_id=pressed["event_id"]) == {sos["id"]}
    assert ids(event_id="no such event") == set()
    assert ids(device_id=one.device_id, severity="red", state="triggered") == {sos["id"]}
    folded = one.press()
    assert operator.alert_of(folded["event_id"])["id"] == sos["id"], "any event of the alert, not its first alone"
    since = operator.get("/alerts", since=moved["raised_at"])["items"]
    assert moved["id"] in {alert["id"] for alert in since}, "since compares raised_at, and includes it"
    assert sos["id"] not in {alert["id"] for alert in since}


def test_alerts_are_newest_first_and_paged_to_the_end_while_more_are_raised(
    wristbands: Callable[[], Device], operator: Person
) -> None:
    begun = soon()
    devices = [wristbands() for _ in range(6)]
    before = [raised(device, operator, kind)["id"] for device in devices for kind in ("sos", "smoke", "gas")]
    stop = Event()

    def keep_pressing() -> int:
        device = wristbands()
        pressed = 0
        while not stop.is_set():
            alert = raised(device, operator)
            bring_to(operator, alert, "resolved")
            pressed += 1
        return pressed

    with ThreadPoolExecutor(1) as other:
        pressing = other.submit(keep_pressing)
        try:
            for limit in (2, 7):
                items = all_pages(operator, "/alerts", limit, since=begun)
                found = [item["id"] for item in items]
                assert len(found) == len(set(found)), "nothing comes twice"
                assert set(before) <= set(found), "nothing is left out"
                times = [datetime.fromisoformat(item["raised_at"]) for item in items]
                assert times == sorted(times, reverse=True)
        finally:
            stop.set()
        assert pressing.result(30) > 0


@pytest.mark.parametrize("path", ["/organizations", "/elders", "/devices", "/quarantine"])
def test_registry_lists_are_paged_and_every_item_has_its_own_address(
    wristband: Device, city: Person, path: str
) -> None:
    for _ in range(3):
        wristband.send(b"?", "readings")
    if path == "/quarantine":
        until(lambda: len(city.get(path)["items"]) >= 3, "something is in quarantine", every=0.05)
    limit = 1 + len(city.get(path, limit=500)["items"]) // 3
    items = all_pages(city, path, limit)
    assert len(items) > limit, "more than one page"
    assert len({item["id"] for item in items}) == len(items)
    for item in items[:3]:
        again = city.get(f"{path}/{item['id']}")
        assert again["id"] == item["id"]
    assert city.http.get(path, params={"cursor": "not ours"}).status_code == 422
    assert city.http.get(path, params={"limit": 0}).status_code == 422


# Errors -----------------------------------------------------------------------------------------------


def test_every_error_is_a_problem(nobody: httpx.Client, operator: Person, wristband: Device) -> None:
    """check_answer looks at the form of each."""
    asked = {
        401: [nobody.get(path) for path in ("/me", "/alerts", f"/alerts/{NO_SUCH}", "/elders", "/quarantine")]
        + [nobody.get("/me", headers={"Authorization": "Bearer no.such.token"})],
        404: [
            operator.http.get(path)
            for path in (
                *("/nothing", "/alerts/17", f"/alerts/{NO_SUCH}", f"/elders/{NO_SUCH}", f"/organizations/{NO_SUCH}"),
                *("/devices/no-such", "/devices/no-such/readings", "/quarantine/999999999", "/quarantine/x"),
            )
        ],
        405: [operator.http.delete("/alerts"), operator.http.put("/me"), operator.http.get("/token")],
        422: [
            operator.http.get("/alerts", params=query)
            for query in (
                *({"state": "lost"}, {"severity": "pink"}, {"limit": 0}, {"limit": 100_000}, {"cursor": "?"}),
                *({"since": "yesterday"}, {"since": "2026-11-22T11:20:00"}, {"elder_id": "17"}),
            )
        ]
        + [
            operator.http.get(f"/devices/{wristband.device_id}/readings", params=query)
            for query in ({"bucket": "1y"}, {"from": "now"}, {"from": soon(), "to": soon(hours=1)})
        ],
    }
    for status, answers in asked.items():
        for answer in answers:
            assert answer.status_code == status, answer.request.url
            assert answer.headers["content-type"] == documents.PROBLEM
            assert answer.json()["title"]
    assert asked[401][0].headers["www-authenticate"].startswith("Bearer")
    assert [one.headers["allow"] for one in asked[405]] == ["GET", "GET", "POST"]
    other = operator.http.request("OPTIONS", "/calendar/days/2027-01-01")
    assert (other.status_code, other.headers["allow"]) == (405, "PUT, DELETE"), "of every route at that path"


def test_a_body_that_is_no_text_is_malformed(operator: Person) -> None:
    json = {"content-type": "application/json"}
    for path in ("/service-requests", f"/alerts/{NO_SUCH}/acknowledge", "/me/second-factor/off"):
        answer = operator.http.post(path, content=b"\xff\xd8\x00", headers=json)
        assert (answer.status_code, answer.json()["title"]) == (422, "Unprocessable Content")
        assert "无法读取" in answer.json()["detail"]


def test_a_time_may_have_any_offset(operator: Person, wristband: Device) -> None:
    alert = raised(wristband, operator)
    at = datetime.fromisoformat(alert["raised_at"])
    for offset in (0, 8, -5):
        zone = (at + timedelta(hours=offset)).replace(tzinfo=None).isoformat() + f"{offset:+03d}:00"
        assert alert["id"] in {one["id"] for one in operator.get("/alerts", since=zone)["items"]}


# At the root ------------------------------------------------------------------------------------------


def test_a_bridge_that_is_gone_is_named_until_it_is_forgotten(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANHU_DATABASE_URL", system.environment["ANHU_DATABASE_URL"])
    lost, stopped = "now() - interval '1 hour', now() - interval '1 hour'", "now(), now()"
    system.sql(
        "INSERT INTO bridges (name, kind, state, since, heard_at)"
        f" VALUES ('watch-gone', 'watch', 'lost', {lost}), ('cloud-off', 'cloud', 'stopped', {stopped})"
    )
    with httpx.Client(base_url=system.url, timeout=20) as client:
        ready = client.get("/readyz")
        assert ready.status_code == 200, "it is a warning"
        documents.check("openapi#/components/schemas/Readiness", ready.json())
        assert [(one["name"], one["state"]) for one in ready.json()["bridges"]] == [
            ("cloud-off", "stopped"), ("watch-gone", "gone"),
        ]  # fmt: skip
        [detail] = [one["detail"] for one in ready.json()["warnings"] if one["code"] == "bridge_gone"]
        assert "anhu bridge forget watch-gone" in detail
        metrics = client.get("/metrics").text
        assert '\nanhu_bridge_up{bridge="watch-gone",kind="watch"} 0.0' in metrics
        assert "cloud-off" not in metrics
        for name in ("watch-gone", "cloud-off"):
            assert CliRunner().invoke(app, ["bridge", "forget", name]).exit_code == 0
        assert CliRunner().invoke(app, ["bridge", "forget", "watch-gone"]).exit_code == 1
        assert client.get("/readyz").json()["bridges"] == []


def test_the_root_has_health_readiness_metrics_and_docs(system: System) -> None:
    with httpx.Client(base_url=system.url, timeout=20) as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 200
        documents.check("openapi#/components/schemas/Readiness", ready.json())
        assert {worker["kind"] for worker in ready.json()["workers"]} >= {"gateway", "alerts", "api"}
        metrics = client.get("/metrics")
        assert metrics.status_code == 200
        assert metrics.headers["content-type"].startswith("text/plain")
        assert "\nanhu_database_up 1" in metrics.text
        # What a gateway counts comes by its heartbeat.
        assert re.search(
            r'^anhu_gateway_connections\{connection="telemetry",slot="1",worker=".+"\} 1.0$', metrics.text, re.M
        )
        assert '\nanhu_gateway_lag_from_receipt_seconds_bucket{lane="event",le="0.005",worker="' in metrics.text
        dashboard = (ROOT / "deploy" / "monitoring" / "grafana-dashboard.json").read_text("utf-8")
        told = set(re.findall(r"^# TYPE (\w+)", metrics.text, re.M))
        for name in re.findall(r"anhu_\w+", dashboard):
            assert {name, re.sub("_(bucket|sum|count)$", "", name)} & told, f"the dashboard asks for {name}"
        docs = client.get("/docs")
        assert docs.status_code == 200
        assert "text/html" in docs.headers["content-type"]
        assert "https://" not in docs.text, "the page needs no other server"
        served = client.get("/openapi.json").json()
        assert served == documents.schemas()["openapi"]


def test_the_station_screen_is_at_the_root(system: System, tmp_path: Path) -> None:
    """Where it is built. It is built by another word than this, so a page stands in for it here; the browser tests
    have the real one."""
    (tmp_path / "index.html").write_text("<!doctype html><title>安护</title>", "utf-8")
    port = free_port()
    system.start("api-with-page", ANHU_HTTP_PORT=str(port), ANHU_WEB_DIR=str(tmp_path))

    def page() -> str:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
        except httpx.HTTPError:
            return ""
        return answer.text if answer.status_code == 200 else ""

    try:
        assert "安护" in until(page, "the page", limit=30, every=0.1)
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/nothing", timeout=5)
        assert (answer.status_code, answer.headers["content-type"]) == (404, documents.PROBLEM)
    finally:
        process = system.processes.pop("api-with-page")
        process.terminate()
        process.wait(20)


def test_the_clock_of_an_answer_is_the_servers(wristband: Device, operator: Person) -> None:
    alert = raised(wristband, operator)
    for name in ("received_at", "raised_at"):
        assert abs(datetime.fromisoformat(alert[name]) - datetime.now(UTC)) < timedelta(minutes=1)
