"""An operator and an administrator of the next station try every id of a neighbour's: in every path, in every query, in
bodies, and below a thing of their own. People are invented."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.contract.asking import quarantined, raised, soon, standing
from tests.contract.conftest import Enrol, administrator_below
from tests.contract.test_access import ENDS, NOTHING, ROOT, filled
from tests.contract.test_channels import WEBHOOK
from tests.contract.test_trials import HOT
from tests.parts import documents
from tests.parts.figures import Tell
from tests.parts.system import PLAIN, Device, Person, System

#: What a body of some route wants.
BODY = {
    "reason": "试验，请忽略",
    "note": "x",
    "responder": "x",
    "outcome": "test",
    "rating": 5,
    "assigned_to": "x",
    "name": "x",
    "phone": "023-0002-0091",
    "version": 1,
    "minutes": 30,
    "code": "123456",
    "command": "ring",
    "policy": None,
    "position": None,
    "elder_id": None,
}
#: In a path, but nobody's: rules are everybody's who may read rules, and so are models of devices.
NOBODYS = {*NOTHING, "key", "token", "position", "rule_id", "model"} - {"device_id", "quarantine_id"}


@dataclass(frozen=True)
class Things:
    """One of each at the first station."""

    ids: dict[str, str]
    #: that name somebody, or something of theirs
    words: set[str]


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    document = json.loads((ROOT / "docs/contract/openapi.json").read_text("utf-8"))
    return [
        (method.upper(), path, operation)
        for path, of_path in document["paths"].items()
        for method, operation in of_path.items()
        if "security" in operation and (method.upper(), path) not in ENDS
    ]


@pytest.fixture(scope="module")
def administrator(system: System) -> Person:
    return system.sign_in("admin")


@pytest.fixture
def things(
    system: System, operator: Person, administrator: Person, colleague: Person, wristband: Device
) -> Iterator[Things]:
    alert = raised(wristband, operator, location={"lat": 29.7081, "lon": 105.7136})
    elder, station = alert["elder"]["id"], system.seeded.organization_id
    wristband.send([{"ts": soon(), "heart_rate": 900}], "readings")
    now = datetime.now(UTC)

    def made(person: Person, path: str, **body: Any) -> dict[str, Any]:
        answer = person.http.post(path, json=body)
        assert answer.status_code in (200, 201, 202), (path, answer.text)
        return dict(answer.json())

    def put(table: str, **columns: Any) -> str:
        """For what would change how others' presses go, were it made as usual."""
        values = ", ".join(["%s"] * len(columns))
        statement = f"INSERT INTO {table} (id, {', '.join(columns)}) VALUES (gen_random_uuid(), {values})"
        [(row,)] = system.sql(f"{statement} RETURNING id::text", *columns.values())
        return str(row)

    account = operator.get("/me")["id"]
    far = datetime(2190, 1, 1, tzinfo=UTC)
    shape = {"kind": "circle", "centre": {"lat": 29.7081, "lon": 105.7136}, "radius": 300}
    fence = {"name": "家", "keep": "keep_in", "shape": shape}
    visit = {"id": str(uuid4()), "elder_id": elder, "result": "met"}
    roster = {"organization_id": station, "made_by_name": "试"}
    ids = {
        "alert_id": alert["id"],
        "elder_id": elder,
        "device_id": wristband.device_id,
        "organization_id": station,
        "request_id": made(operator, "/service-requests", elder_id=elder, service="家政预约")["id"],
        "cover_id": made(
            *(operator, "/covers"), kind="silence", elder_id=elder, reason="试验", ends_at=soon(hours=-1)
        )["id"],
        "responder_id": made(
            *(operator, "/responders"), name="冉试（虚构）", organization_id=station, kind="neighbour",
            phone="023-0002-0091",
        )["id"],
        "fence_id": made(administrator, f"/elders/{elder}/fences", fence=fence, reason="试验")["id"],
        "quarantine_id": str(quarantined(operator, wristband.device_id)[0]["id"]),
        "link_id": made(operator, f"/alerts/{alert['id']}/handover/links")["id"],
        "account_id": account,
        "session_id": operator.get("/me/sessions")["items"][0]["id"],
        "visit_id": made(operator, "/visits", **visit, findings="说起冉试（虚构）")["id"],
        "drill_id": made(
            *(operator, "/drills"), name="冉试（虚构）", organization_id=station, starts_at=soon(days=-2),
            ends_at=soon(days=-2, hours=-1),
        )["id"],
        "trial_id": made(
            *(administrator, "/rules/trials"), rule=HOT, **{"from": soon(hours=1), "to": now.isoformat()}
        )["id"],
        "plan_id": made(
            *(operator, f"/elders/{elder}/medication"), medicine="阿司匹林（虚构）", dose="一片", times=["08:00"],
            starts_on="2190-01-01",
        )["plans"][0]["id"],
        "dose_id": put("medication_doses", elder_id=elder, due_at=far, missed_at=far, items="[]", state="ended"),
        "consent_id": put("consents", elder_id=elder, purpose="family_vitals", text="冉试（虚构）", recorded_by="试"),
        "shift_id": put(
            "duty_shifts", **roster, name="冉试（虚构）", begins="08:00", ends="20:00", people=[account],
            turn="together", days=["workday"], first_day=far.date(),
        ),
        "change_id": put(
            "duty_changes", **roster, kind="absence", account_id=account, begins_at=far, ends_at=far + timedelta(1)
        ),
        "bed_id": put("beds", organization_id=station, building="冉试（虚构）", room="1", bed="1"),
        "camera_id": made(
            *(administrator, f"/elders/{elder}/cameras"), room="客厅", name="冉试（虚构）",
            link="rtsp://viewer:hidden@video.example/1",
        )["items"][0]["id"],
        "channel_id": made(colleague, "/me/channels", **WEBHOOK)["id"],
        "webhook_id": made(
            *(administrator, "/webhooks"), organization_id=station, label="冉试（虚构）", subjects=["rule"],
            url="https://platform.example/anhu",
        )["id"],
    }  # fmt: skip
    in_paths = {name for _, path, _ in operations() for name in re.findall(r"{(\w+)}", path)}
    assert in_paths - NOBODYS == set(ids), "whoever adds an id to a path makes one of it here"
    [(name, address)] = system.sql("SELECT name, address FROM elders WHERE id = %s", elder)
    own = {ids[kind] for kind in ("alert_id", "elder_id", "visit_id", "plan_id", "consent_id", "bed_id", "camera_id")}
    yield Things(ids, {name, address, "冉试（虚构）", "阿司匹林（虚构）", *own})
    for table in ("duty_shifts", "duty_changes", "beds"):
        system.sql(f"DELETE FROM {table} WHERE made_by_name = '试'" if table != "beds" else "DELETE FROM beds")
    administrator.http.delete(f"/elders/{elder}/cameras/{ids['camera_id']}")
    colleague.http.delete(f"/me/channels/{ids['channel_id']}")
    administrator.http.delete(f"/webhooks/{ids['webhook_id']}")
    operator.http.post(f"/drills/{ids['drill_id']}/call_off")
    operator.http.post(f"/covers/{ids['cover_id']}/end")
    operator.move(ids["alert_id"], "acknowledge")
    operator.move(ids["alert_id"], "resolve", outcome="test")


@pytest.fixture(scope="module")
def next_administrator(system: System) -> Iterator[Person]:
    """Of the next station, and of nothing else: the gate stops them nowhere."""
    yield from administrator_below(system, "xichan-admin", "齐某", "xichan-1", system.organization("community", 1))


def _bodies(ids: dict[str, str], own: dict[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path, body) where an id of theirs is in the body."""
    elder, station, device = ids["elder_id"], ids["organization_id"], ids["device_id"]
    until, here = soon(hours=-1), own["organization_id"]
    shift = {"name": "x", "begins": "08:00", "ends": "20:00", "first_day": "2190-01-01"}
    cover = {"kind": "silence", "reason": "试验，请忽略", "ends_at": until}
    who = {"name": "x", "kind": "neighbour", "phone": "023-0002-0092"}
    span = {"begins_at": "2190-01-01T00:00:00Z", "ends_at": "2190-01-02T00:00:00Z"}
    return [
        ("POST", "/service-requests", {"elder_id": elder, "service": "家政预约"}),
        *(("POST", "/covers", cover | one) for one in ({"elder_id": elder}, {"device_ids": [device]})),
        ("POST", "/covers", cover | {"organization_id": station}),
        ("POST", "/drills", {"name": "x", "ends_at": until, "organization_id": station}),
        ("POST", "/drills", {"name": "x", "ends_at": until, "device_ids": [device]}),
        ("POST", "/visits", {"id": str(uuid4()), "elder_id": elder, "result": "met"}),
        ("POST", "/responders", who | {"organization_id": station}),
        ("POST", "/elders", {"name": "x", "organization_id": station}),
        ("POST", "/organizations", {"name": "x", "tier": "community", "parent_id": station}),
        ("POST", "/devices", {"device_id": "next-1", "kind": "wristband", "organization_id": station}),
        ("POST", "/devices", {"device_id": "next-1", "kind": "wristband", "elder_id": elder}),
        ("POST", "/accounts", {"username": "next-1", "name": "x", "role": "operator", "organization_ids": [station]}),
        ("POST", "/accounts", {"username": "next-1", "name": "x", "role": "caregiver", "elder_ids": [elder]}),
        ("PUT", "/visits/assignments", {"elder_ids": [elder], "account_id": own["account_id"]}),
        ("PUT", "/visits/assignments", {"elder_ids": [own["elder_id"]], "account_id": ids["account_id"]}),
        ("PUT", f"/devices/{own['device_id']}/binding", {"organization_id": here, "elder_id": elder}),
        ("PATCH", f"/elders/{own['elder_id']}", {"organization_id": station, "version": 1}),
        (
            *("POST", "/webhooks"),
            {"organization_id": station, "label": "x", "subjects": ["elder"], "url": "https://platform.example/"},
        ),
        ("POST", "/elders/bulk", {"ids": [elder], "action": "move", "organization_id": here}),
        ("POST", "/elders/bulk", {"ids": [own["elder_id"]], "action": "move", "organization_id": station}),
        ("POST", "/devices/bulk", {"ids": [device], "action": "revoke"}),
        ("POST", "/devices/bulk", {"ids": [own["device_id"]], "action": "move", "organization_id": station}),
        ("POST", "/accounts/bulk", {"ids": [ids["account_id"]], "action": "disable"}),
        ("PATCH", f"/accounts/{own['account_id']}", {"organization_ids": [station]}),
        ("POST", f"/organizations/{here}/duty/shifts", shift | {"people": [ids["account_id"]]}),
        ("POST", f"/organizations/{here}/duty/changes", span | {"kind": "absence", "account_id": ids["account_id"]}),
    ]


def _schema_of(method: str, path: str) -> str:
    fitting = [one for _, one, _ in operations() if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), f"/api/v1{path}")]
    found = min(fitting, key=lambda one: one.count("{"))  # /elders/bulk is no elder
    place = found.replace("/", "~1")
    return f"openapi#/paths/{place}/{method.lower()}/requestBody/content/application~1json/schema"


def test_the_next_station_tries_every_id_through_every_route(
    things: Things,
    system: System,
    operator: Person,
    neighbour: Person,
    next_administrator: Person,
    enrol: Enrol,
    tell: Tell,
) -> None:
    ids, words = things.ids, things.words
    before = standing(operator, ids["alert_id"]), operator.get(f"/responders/{ids['responder_id']}")
    here = system.organization("community", 1)
    [(elder,)] = system.sql("SELECT id::text FROM elders WHERE organization_id = %s LIMIT 1", here)
    device = enrol(organization_id=here)
    own = {
        "alert_id": raised(device, neighbour)["id"],
        "elder_id": elder,
        "organization_id": here,
        "device_id": device.device_id,
        "account_id": neighbour.get("/me")["id"],
    }
    tried = 0

    def shut(answer: httpx.Response, *statuses: int) -> None:
        nonlocal tried
        tried += 1
        asked = f"{answer.request.method} {answer.request.url} {answer.status_code} {answer.text[:500]}"
        assert answer.status_code in (403, 404, 422, *statuses), asked
        said = f"{answer.request.url} {answer.request.content.decode()}"
        told = {word for word in words if word in answer.text and word not in said}
        assert not told, f"{asked} tells {told}"

    for person in (neighbour, next_administrator):
        headers = {"Authorization": person.http.headers["Authorization"]}
        hooks = {"response": [documents.check_answer]}
        with httpx.Client(base_url=system.url, headers=headers, timeout=20, verify=PLAIN, event_hooks=hooks) as client:
            for method, path, operation in operations():
                body = BODY if "requestBody" in operation else None
                in_path = set(re.findall(r"{(\w+)}", path)) & set(ids)
                if in_path:
                    shut(client.request(method, filled(path, ids), json=body))
                # Theirs below one's own: the place lets in, and the thing must not.
                if len(in_path) > 1 and (above := in_path & set(own)):
                    shut(client.request(method, filled(path, ids | {one: own[one] for one in above}), json=body))
                for one in operation.get("parameters", []):
                    theirs = {"patient": "elder_id", "visitor_id": "account_id", "subject_id": "elder_id"}
                    value = ids.get(theirs.get(one["name"], one["name"]))
                    if one["in"] != "query" or method != "GET":
                        continue
                    if one["name"] == "search":
                        value = ids["device_id"]
                    if value is not None:
                        query = {one["name"]: value} | ({"subject": "elder"} if one["name"] == "subject_id" else {})
                        shut(client.get(filled(path, ids | own), params=query), 200)
            for method, path, body in _bodies(ids, own):
                assert not documents.faults(_schema_of(method, path), body), "it is not refused for its form"
                answer = client.request(method, f"/api/v1{path}", json=body)
                # Of many those are given whom they reach, and how many they were is told.
                shut(answer, 409, *([200] if answer.text == '{"assigned":0}' else []))
    assert operator.http.get("/me").status_code == 200, "and nobody was signed out"
    after = standing(operator, ids["alert_id"]), operator.get(f"/responders/{ids['responder_id']}")
    assert after == before
    neighbour.move(own["alert_id"], "acknowledge")
    neighbour.move(own["alert_id"], "resolve", outcome="test")
    tell(f"{tried} requests")
