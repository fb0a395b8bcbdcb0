"""Enrolment over HTTP, and that the device it made is let in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.parts.system import Person, System


@pytest.fixture(scope="module")
def administrator(system: System) -> Person:
    return system.sign_in("admin")


@pytest.fixture(autouse=True)
def _tidy(system: System) -> Iterator[None]:
    yield
    system.sql("DELETE FROM devices WHERE device_id LIKE 'enrolled-%%'")


def new(name: str, system: System, **more: object) -> dict[str, object]:
    return {"device_id": name, "kind": "wristband", "organization_id": system.seeded.organization_id} | more


def test_a_device_is_enrolled_rotated_revoked_and_restored(administrator: Person, system: System) -> None:
    made = administrator.http.post("/devices", json=new("enrolled-1", system))
    assert made.status_code == 201
    secrets = [made.json()["secret"]]
    assert administrator.get("/devices/enrolled-1")["revoked_at"] is None
    secrets.append(administrator.http.post("/devices/enrolled-1/rotate").json()["secret"])
    assert administrator.http.post("/devices/enrolled-1/restore").status_code == 409
    for _ in range(2):
        assert administrator.http.post("/devices/enrolled-1/revoke").status_code == 204
    assert administrator.get("/devices/enrolled-1")["revoked_at"] is not None
    assert administrator.http.post("/devices/enrolled-1/rotate").status_code == 409
    secrets.append(administrator.http.post("/devices/enrolled-1/restore").json()["secret"])
    assert len(set(secrets)) == 3
    log = system.sql(
        "SELECT what, actor, account_id IS NOT NULL FROM identity_log WHERE subject = 'enrolled-1' ORDER BY id"
    )
    assert log == [(what, "系统管理员", True) for what in ("enrolled", "rotated", "revoked", "restored")]
    told = administrator.get("/devices/enrolled-1/identity", limit=3)
    assert [(one["what"], one["actor"]) for one in told["items"]] == [(what, actor) for what, actor, _ in log[:0:-1]]
    rest = administrator.get("/devices/enrolled-1/identity", cursor=told["next"])
    assert [one["what"] for one in rest["items"]] == ["enrolled"]
    assert rest["next"] is None
    assert not any(secret in str((told, rest)) for secret in secrets)


def test_of_two_at_once_one_wins(administrator: Person, system: System) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(lambda _: administrator.http.post("/devices", json=new("enrolled-race", system)), range(4))
        )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"device_id": "a b"}, 422),
        ({"kind": None}, 422),
        ({"organization_id": "00000000-0000-0000-0000-000000000000"}, 422),
        ({"organization_id": None}, 422),
        ({"device_id": "anhu-gateway"}, 409),
        ({"device_id": "watch-0001"}, 409),
        ({"source": "z2m"}, 422),
        ({"model": "x\x00y"}, 422),
    ],
)
def test_what_cannot_be_is_told(administrator: Person, system: System, change: dict[str, object], status: int) -> None:
    answer = administrator.http.post("/devices", json=new("enrolled-2", system) | change)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_a_csv_is_all_or_nothing(administrator: Person, system: System) -> None:
    station = system.seeded.organization_id
    text = f"device_id,kind,organization_id\nenrolled-3,wristband,{station}\nenrolled-4,,{station}\n"
    refused = administrator.http.post("/devices/import", content=text, headers={"content-type": "text/csv"})
    assert refused.status_code == 422
    [flaw] = refused.json()["flaws"]
    assert (flaw["line"], flaw["column"]) == (3, "kind")
    assert administrator.http.get("/devices/enrolled-3").status_code == 404
    part = administrator.http.post("/devices/import?partial=true", content=text)
    assert part.status_code == 201
    assert [one["device_id"] for one in part.json()["secrets"]] == ["enrolled-3"]
    assert part.json()["flaws"] == [flaw]
    text = f"device_id,kind,organization_id\nenrolled-5,wristband,{station}\n"
    whole = administrator.http.post("/devices/import", content=text, headers={"accept": "text/csv"})
    assert whole.status_code == 201
    assert whole.text.startswith("device_id,secret\nenrolled-5,")
    assert administrator.http.post("/devices/import", content="").status_code == 422
    assert administrator.http.post("/devices/import", content="x" * 2_000_000).status_code == 413


@pytest.mark.parametrize("username", ["city-1", "caregiver-1"])
def test_only_administrators(system: System, username: str) -> None:
    person = system.sign_in(username)
    wristband = f"/devices/{system.station_devices('wristband')[0]}"
    for path in ("/devices", "/devices/import", *(f"{wristband}/{verb}" for verb in ("rotate", "revoke", "restore"))):
        assert person.http.post(path, json=new("enrolled-6", system)).status_code == 403
    assert system.sql("SELECT FROM devices WHERE revoked_at IS NOT NULL OR device_id = 'enrolled-6'") == []


def test_what_is_not_there(administrator: Person) -> None:
    for name in ("nobody", "a%00b", "%F0%9F%98%80"):
        for verb in ("rotate", "revoke", "restore"):
            assert administrator.http.post(f"/devices/{name}/{verb}").status_code == 404


def test_what_came_before_its_device_was_enrolled_is_tried_again(administrator: Person, system: System) -> None:
    body = b'{"event_id": "early", "type": "door_open", "ts": "2026-11-22T03:00:00Z"}'
    system.sql(
        "INSERT INTO quarantine (received_at, topic, device_id, reason, detail, payload, payload_bytes)"
        " VALUES (now(), 'anhu/v1/enrolled-early/up/events', 'enrolled-early', 'unknown_device', '', %s, %s)",
        body, len(body),
    )  # fmt: skip
    [row] = administrator.get("/quarantine", device_id="enrolled-early", reason="unknown_device")["items"]
    assert administrator.get("/quarantine", device_id="enrolled-early", reason="clock")["items"] == []
    again = f"/quarantine/{row['id']}/replay"
    assert administrator.http.post(again).json()["replay"] == "refused"
    assert administrator.http.post("/devices", json=new("enrolled-early", system)).status_code == 201
    assert administrator.http.post(again).json()["replay"] == "taken"
    assert system.sql("SELECT type FROM events WHERE device_id = 'enrolled-early'") == [("door_open",)]
    operator = system.sign_in()
    assert operator.http.post(again).status_code in (403, 404)
