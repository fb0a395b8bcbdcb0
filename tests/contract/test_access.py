"""Every route of the OpenAPI as every role; test_neighbours.py tries ids. People are invented."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from services.api.gate import AFTER_REACH, asked_of
from services.registry.access import Action, Decision, Role, Thing, allows
from tests.contract.asking import close_code, raised
from tests.parts import documents
from tests.parts.figures import Tell
from tests.parts.system import PLAIN, Device, Person, System, live_address

ROOT = Path(__file__).parents[2]
#: What no system has.
NOBODY = "00000000-0000-7000-8000-000000000000"
NOTHING = {
    "device_id": "nobody-1",
    "quarantine_id": "0",
    "kind": "elders",
    "day": "2199-01-01",
}
#: Would end what the others are asked by.
ENDS = {("POST", "/api/v1/sign-out")}


def routes() -> list[tuple[str, str]]:
    """(method, template) of all for which somebody signs in."""
    document = json.loads((ROOT / "docs/contract/openapi.json").read_text("utf-8"))
    return [
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "security" in operation
    ]


def filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda found: ids.get(found[1], NOTHING.get(found[1], NOBODY)), path)


@pytest.fixture(scope="module")
def roles(system: System) -> Iterator[dict[str, httpx.Client]]:
    """A client for each role that signs in, kept open: a thousand requests are made."""
    for role, name in (("supervisor", "监某"), ("auditor", "审某"), ("responder", "应某")):
        system.sql(
            "INSERT INTO accounts (id, username, password_hash, name, role)"
            " SELECT gen_random_uuid(), %s, password_hash, %s, %s FROM accounts WHERE username = 'street-1'"
            " ON CONFLICT DO NOTHING",
            *(f"access-{role}", name, role),
        )
        system.sql(
            "INSERT INTO account_organizations SELECT id, %s FROM accounts WHERE username = %s ON CONFLICT DO NOTHING",
            *(system.organization("street"), f"access-{role}"),
        )
    password = system.account("street-1")["password"]
    clients = {}
    for role in Role:
        if role is Role.SERVICE:  # signs in at the broker
            continue
        name = {"administrator": "admin", "operator": "beichan-1", "caregiver": "caregiver-1"}.get(role)
        person = system.sign_in(name) if name else Person(system, f"access-{role}", password, system.url)
        headers = {"Authorization": person.http.headers["Authorization"]}
        clients[role.value] = httpx.Client(
            base_url=system.url,
            headers=headers,
            timeout=20,
            verify=PLAIN,
            event_hooks={"response": [documents.check_answer]},
        )
        person.http.close()
    yield clients
    for client in clients.values():
        client.close()


def test_every_route_as_every_role(roles: dict[str, httpx.Client], tell: Tell) -> None:
    begun, asked_for = time.monotonic(), 0
    for method, path in routes():
        if (method, path) in ENDS:
            continue
        asked = asked_of(method, path)
        assert asked is not None, (method, path)
        body = {} if method in ("POST", "PUT", "PATCH") else None
        for role, client in roles.items():
            answer = client.request(method, filled(path, {}), json=body)
            asked_for += 1
            refused = allows(role, *asked) is Decision.REFUSED
            if asked in AFTER_REACH and allows(role, asked[0], Action.READ) is not Decision.REFUSED:
                assert answer.status_code in (404, 422), (method, path, role, answer.text)
            elif refused:
                assert answer.status_code == 403, (method, path, role, answer.text)
            else:
                assert answer.status_code in (200, 201, 202, 204, 404, 409, 422), (method, path, role, answer.text)
    tell(f"{asked_for} requests, {time.monotonic() - begun:.1f} s")


ODD = ("%00", "a" * 300, "\U0001f600", "-1", "..%2F..", "{}")
ODD_BODIES: tuple[Any, ...] = ([], "x", None, {"reason": 1}, {"code": "\x00" * 6, "name": "\x00", "reason": "\x00" * 5})
ODD_QUERIES = {"cursor": "e30", "limit": "0", "search": "0" * 64, "elder_id": "x", "form": "x", "since": "never"}


def test_odd_input_is_refused_and_never_a_fault(roles: dict[str, httpx.Client]) -> None:
    """As the role that gets furthest, and as one that gets into half of it."""
    for place, (method, path) in enumerate(routes()):
        if (method, path) in ENDS:
            continue
        body = ODD_BODIES[place % len(ODD_BODIES)] if method in ("POST", "PUT", "PATCH") else None
        odd = re.sub(r"{(\w+)}", ODD[place % len(ODD)], path)
        for role, query in (("administrator", {}), ("administrator", ODD_QUERIES), ("operator", ODD_QUERIES)):
            answer = roles[role].request(method, odd, json=body, params=query)
            assert answer.status_code < 500, (method, odd, role, answer.text)


def test_a_live_screen_is_for_those_who_answer(roles: dict[str, httpx.Client], system: System) -> None:
    for role, client in roles.items():
        token = client.headers["Authorization"].removeprefix("Bearer ")
        with connect(live_address(system.url, system.seeded.organization_id)) as socket:
            socket.send(json.dumps({"type": "hello", "token": token, "after": 0}))
            if allows(role, Thing.LIVE, Action.READ) is Decision.REFUSED:
                assert close_code(lambda: socket.recv(20)) == 4403, role
            else:
                assert json.loads(socket.recv(20))["type"] == "welcome", role


def test_without_signing_in_nothing_is_open(system: System) -> None:
    with httpx.Client(base_url=system.url, verify=PLAIN) as client:
        for method, path in routes():
            assert client.request(method, filled(path, {})).status_code == 401, (method, path)


def test_a_role_that_nobody_knows_may_nothing(system: System) -> None:
    [(constraint,)] = system.sql(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'accounts'::regclass"
        " AND contype = 'c' AND conname = 'accounts_role_check'"
    )
    assert set(re.findall(r"'(\w+)'", constraint)) == {role.value for role in Role} - {"service"}


def test_a_supervisor_sees_figures_and_only_people_whose_alert_climbed(
    roles: dict[str, httpx.Client], wristband: Device, operator: Person, system: System
) -> None:
    def asked(path: str, **query: Any) -> Any:
        answer = roles["supervisor"].get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    alert = raised(wristband, operator)
    elder, street = alert["elder"]["id"], system.organization("street")
    assert alert["organization_id"] in {one["id"] for one in asked("/organizations", limit=500)["items"]}
    assert asked("/reports/response")["organization"]["id"] == street
    hidden = roles["supervisor"].get(f"/api/v1/alerts/{alert['id']}").status_code, asked("/alerts", elder_id=elder)
    assert (hidden[0], hidden[1]["items"]) == (404, [])
    assert elder not in {one["id"] for one in asked("/elders", limit=500)["items"]}
    # The climb of a minute cannot be waited for: the route is a row.
    system.sql(
        "INSERT INTO alert_routes (alert_id, organization_id, reason, since) VALUES (%s, %s, 'escalated', now())"
        " ON CONFLICT DO NOTHING",
        *(alert["id"], street),
    )
    assert asked(f"/alerts/{alert['id']}")["elder"]["id"] == elder
    assert asked(f"/elders/{elder}")["withheld"] is False
    assert elder in {one["id"] for one in asked("/elders", limit=500)["items"]}
    assert roles["supervisor"].post(f"/api/v1/alerts/{alert['id']}/acknowledge", json={}).status_code == 403
    operator.move(alert, "acknowledge")
    operator.move(alert, "resolve", outcome="assisted")
    assert roles["supervisor"].get(f"/api/v1/elders/{elder}").status_code == 404
    assert asked(f"/alerts/{alert['id']}")["location"] is None


def test_the_desk_of_a_supervisor_lists_what_climbed_and_nothing_else(
    roles: dict[str, httpx.Client], wristband: Device, operator: Person, system: System
) -> None:
    def listed(**query: Any) -> list[dict[str, Any]]:
        answer = roles["supervisor"].get("/api/v1/alerts", params={"limit": 200, **query})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    alert, street, before = raised(wristband, operator), system.organization("street"), "2026-01-01T00:00:00Z"
    climb = "INSERT INTO alert_routes (alert_id, organization_id, reason, since) VALUES (%s, %s, 'escalated', now())"
    assert alert["id"] not in {one["id"] for one in listed(state="open")}
    # Of a neighbour's screen, or of its own station below: not theirs either.
    assert {one["id"] for one in listed()} <= {
        str(one) for (one,) in system.sql("SELECT alert_id FROM alert_routes WHERE organization_id = %s", street)
    }
    system.sql(climb, alert["id"], street)
    [shown] = [one for one in listed(state="open") if one["id"] == alert["id"]]
    assert shown["elder"] == alert["elder"]
    operator.move(alert, "acknowledge")
    [taken] = [one for one in listed(state="open") if one["id"] == alert["id"]]
    assert taken["holder"]["name"]
    operator.move(alert, "resolve", outcome="assisted")
    assert alert["id"] not in {one["id"] for one in listed(state="open")}
    [closed] = [one for one in listed(state="resolved", moved_since=before) if one["id"] == alert["id"]]
    assert closed["location"] is None
    assert closed["place"] is None
    assert alert["id"] not in {one["id"] for one in listed(state="resolved", moved_since="2199-01-01T00:00:00Z")}
    bad = roles["supervisor"].get("/api/v1/alerts", params={"moved_since": "yesterday"})
    assert bad.status_code == 422
    assert "moved_since" in bad.json()["detail"]
