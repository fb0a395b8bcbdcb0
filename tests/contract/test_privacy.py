"""Numbers masked and asked for, what is withheld opened, sessions and second factors, trails. All of it invented."""

import base64
import json
import time
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tests.contract.asking import bring_to, raised
from tests.contract.conftest import Enrol
from tests.parts.system import Device, Person, System
from tests.unit.registry.files import number

HERE = {"lat": 29.7081, "lon": 105.7136}


@pytest.fixture(scope="module")
def administrator(system: System) -> Person:
    return system.sign_in("admin")


@pytest.fixture(scope="module")
def auditor(system: System) -> Iterator[Person]:
    yield from _account(system, "privacy-auditor", "auditor", system.organization("street"))


@pytest.fixture
def second_administrator(system: System) -> Iterator[Person]:
    yield from _account(system, "privacy-admin", "administrator", system.organization("city"))
    system.sql("DELETE FROM second_factors")


def _account(system: System, username: str, role: str, organization_id: str) -> Iterator[Person]:
    system.sql(
        "INSERT INTO accounts (id, username, password_hash, name, role)"
        " SELECT gen_random_uuid(), %s, password_hash, '隐某', %s FROM accounts WHERE username = 'street-1'"
        " ON CONFLICT DO NOTHING",
        *(username, role),
    )
    system.sql(
        "INSERT INTO account_organizations SELECT id, %s FROM accounts WHERE username = %s ON CONFLICT DO NOTHING",
        *(organization_id, username),
    )
    person = Person(system, username, system.account("street-1")["password"], system.url)
    yield person
    person.http.close()


def test_numbers_are_masked_until_asked_for_and_whole_at_once_when_somebody_is_in_need(
    wristband: Device, operator: Person, administrator: Person, auditor: Person, system: System
) -> None:
    elder_id = operator.get(f"/devices/{wristband.device_id}")["elder_id"]
    path = f"/elders/{elder_id}"
    contacts = [{"name": "覃某", "relation": "女儿", "phone": "138 0000 4321"}]
    change = {"phone": "023-00998765", "doctor_phone": "023-00000088", "contacts": contacts}
    changed = administrator.http.patch(path, json=change).json()
    assert (changed["phone"], changed["doctor_phone"], changed["masked"]) == ("023-****8765", "023-****0088", True)
    assert changed["contacts"][0]["phone"] == "138****4321"
    [(stored, contact)] = system.sql(
        "SELECT e.phone, c.phone FROM elders e JOIN elder_contacts c ON c.elder_id = e.id WHERE e.id = %s", elder_id
    )
    assert stored.startswith("~tests:")
    assert contact.startswith("~tests:")
    # Found by the whole number of theirs or of a contact's, and by its end.
    for search in ("023-00998765", "00998765", "8765", "13800004321", "4321"):
        assert elder_id in {one["id"] for one in operator.get("/elders", search=search, limit=500)["items"]}, search
    assert wristband.device_id in {one["id"] for one in operator.get("/devices", search="00998765")["items"]}
    # A form sends back what it was shown: nothing changes.
    again = {"phone": changed["phone"], "contacts": changed["contacts"], "address": "康宁路9号"}
    assert administrator.http.patch(path, json=again).status_code == 200
    assert administrator.http.patch(path, json={"phone": "139****0000"}).status_code == 422
    asked = operator.http.post(f"{path}/phones").json()
    assert (asked["phone"], asked["doctor_phone"]) == ("023-00998765", "023-00000088")
    assert asked["contacts"][0]["phone"] == "13800004321"
    looks = auditor.get("/trails/looks", elder_id=elder_id)["items"]
    assert [(one["what"], one["who"]) for one in looks] == [("phones", operator.get("/me")["name"])]
    kept = str(administrator.get("/changes", subject="elder", subject_id=elder_id))
    assert "00998765" not in kept
    assert "023-****8765" in kept

    alert = raised(wristband, operator)
    card = operator.get(path)
    assert (card["phone"], card["masked"], card["contacts"][0]["phone"]) == ("023-00998765", False, "13800004321")
    sheet = operator.get(f"/alerts/{alert['id']}/handover")
    assert (sheet["elder"]["phone"], sheet["contacts"][0]["phone"]) == ("023-00998765", "13800004321")
    bring_to(operator, alert, "resolved")
    assert operator.get(path)["phone"] == "023-****8765"


def test_what_is_withheld_is_opened_for_a_reason_and_for_a_while(
    operator: Person, colleague: Person, caregiver: Person, auditor: Person, system: System
) -> None:
    [theirs] = caregiver.get("/elders")["items"]
    path = f"/elders/{theirs['id']}"
    for alert in operator.get("/alerts", elder_id=theirs["id"], state="open")["items"]:  # another test's
        operator.move(alert, "acknowledge")
        operator.move(alert, "resolve", outcome="test")
    assert operator.get(path)["withheld"] is True
    assert operator.http.post(f"{path}/opening", json={"reason": "x"}).status_code == 422
    assert caregiver.http.post(f"{path}/opening", json={"reason": "想看一下"}).status_code == 403
    made = operator.http.post(f"{path}/opening", json={"reason": "邻居说三天没见人"})
    assert made.status_code == 201, made.text
    opened = operator.get(path)
    assert (opened["withheld"], opened["opened_until"]) == (False, made.json()["ends_at"])
    assert opened["health_notes"]
    assert opened["position"]
    assert colleague.get(path)["withheld"] is True, "only for who opened it"
    looks = caregiver.get(f"/family{path}/looks")["items"]
    assert looks[0]["what"] == "opened"
    assert looks[0]["reason"] == "邻居说三天没见人"
    assert looks[0]["who"] == operator.get("/me")["name"]
    assert looks[0]["organization"]
    stranger = system.sql("SELECT id FROM elders WHERE id <> %s LIMIT 1", theirs["id"])[0][0]
    assert caregiver.http.get(f"/family/elders/{stranger}/looks").status_code == 404
    assert auditor.get("/trails/openings", elder_id=theirs["id"])["items"][0]["reason"] == "邻居说三天没见人"
    system.sql("UPDATE openings SET opened_at = now() - interval '40 minutes', ends_at = now() - interval '1 minute'")
    assert operator.get(path)["withheld"] is True
    operator.http.post(f"{path}/opening", json={"reason": "再看一次确认"})
    assert operator.http.delete(f"{path}/opening").status_code == 204
    assert operator.get(path)["withheld"] is True


def test_an_auditor_sees_that_health_changed_and_not_what(
    administrator: Person, auditor: Person, system: System
) -> None:
    wanted = {"name": "覃试审", "organization_id": system.seeded.organization_id, "birth_date": "1950-03-05"}
    elder = administrator.http.post("/elders", json=wanted).json()
    administrator.http.patch(f"/elders/{elder['id']}", json={"health_notes": "糖尿病（虚构）", "name": "覃试计"})
    told = auditor.get("/changes", subject="elder", subject_id=elder["id"])["items"]
    change = next(one for one in told if "health_notes" in (one["after"] or {}))
    assert (change["after"]["health_notes"], change["after"]["name"]) == ("…", "覃试计")
    assert "糖尿病" in str(administrator.get("/changes", subject="elder", subject_id=elder["id"]))
    state = auditor.get("/trails")
    assert {one["trail"] for one in state["items"]} == {"access_log", "changes"}
    assert {"readings", "changes", "access_log", "alerts"} <= {one["name"] for one in state["kept"]}
    system.sql("DELETE FROM elders WHERE id = %s", elder["id"])


def test_a_person_is_taken_out_and_erased_and_the_ledger_stays_whole(
    enrol: Enrol, operator: Person, administrator: Person, system: System
) -> None:
    station = system.seeded.organization_id
    wanted = {
        "name": "覃试忘（虚构）",
        "organization_id": station,
        "identity": number(sequence=66),
        "phone": "023-00995151",
        "address": "遗忘巷51号",
        "health_notes": "高血压（虚构甲）",
        "contacts": [{"name": "覃某忘", "phone": "13800005151"}],
        "care_categories": ["特困"],
        "lat": 29.70815,
        "lon": 105.71365,
    }
    elder = administrator.http.post("/elders", json=wanted).json()["id"]
    device = enrol(elder_id=elder, organization_id=station, kind="wristband")
    alert = raised(device, operator, location=HERE, detail={"words": "救命虚构乙"})
    path = f"/elders/{elder}/personal-data"
    erase = {"reason": "家属申请删除", "name": "覃试忘（虚构）"}
    assert administrator.http.post(f"{path}/erase", json=erase).status_code == 409, "somebody may be in need"
    operator.move(alert, "acknowledge", note="电话 023-00995151 没人接")
    operator.move(alert, "resolve", outcome="assisted", note="覃试忘（虚构）在遗忘巷51号")
    timeline = [(one["kind"], one["at"]) for one in operator.get(f"/alerts/{alert['id']}")["timeline"]]

    system.sql(
        "INSERT INTO visit_dues (elder_id, organization_id, plan, every, raises, since, due_on, not_before)"
        " VALUES (%s, %s, 'safety_net', 'week', true, current_date, current_date + 7, '-infinity')"
        " ON CONFLICT (elder_id) DO UPDATE SET not_before = '-infinity'",
        *(elder, station),
    )
    assert operator.http.get(path).status_code == 403
    out = json.loads(administrator.http.get(path).text)
    assert out["elder"][0]["identity"] == number(sequence=66)
    assert (out["elder"][0]["phone"], out["elder_contacts"][0]["phone"]) == ("023-00995151", "13800005151")
    assert {one["id"] for one in out["alerts"]} == {alert["id"]}
    assert len(out["alert_timeline"]) == len(timeline)
    assert out["visit_dues"][0]["not_before"] is None, "at once, which is no time"
    page = administrator.http.get(path, params={"form": "html"}).text
    assert "遗忘巷51号" in page
    assert "identity_sealed" not in page

    assert administrator.http.post(f"{path}/erase", json=erase | {"name": "别人"}).status_code == 422
    done = administrator.http.post(f"{path}/erase", json=erase)
    assert done.status_code == 204, done.text
    after = operator.get(f"/alerts/{alert['id']}")
    assert [(one["kind"], one["at"]) for one in after["timeline"]] == timeline
    assert (after["outcome"], after["elder"]["name"]) == ("assisted", "（已删除）")
    assert elder not in {one["id"] for one in operator.get("/elders", limit=500)["items"]}
    last = administrator.get("/changes", subject="elder", subject_id=elder)["items"][0]
    assert (last["what"], last["after"]) == ("erased", {"reason": "家属申请删除"})
    left = [
        table
        for (table,) in system.sql(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind = 'r'"
        )
        for word in ("试忘", "某忘", "00995151", "13800005151", "遗忘巷", "虚构甲", "虚构乙", "29.708", "qsw")
        if system.sql(f"SELECT FROM {table} t WHERE t::text LIKE %s AND t::text LIKE %s", f"%{word}%", f"%{elder}%")
        or system.sql(f"SELECT FROM {table} t WHERE t::text LIKE %s AND %s NOT LIKE '29%%'", f"%{word}%", word)
    ]
    assert left == []
    assert administrator.http.post(f"{path}/erase", json=erase | {"name": "（已删除）"}).status_code == 204


def test_sessions_are_seen_and_ended(administrator: Person, operator: Person, system: System) -> None:
    other = system.sign_in("beichan-2")
    listed = other.get("/me/sessions")["items"]
    [own] = [one for one in listed if one["own"]]
    assert own["agent"].startswith("python-httpx")
    second = system.sign_in("beichan-2")
    account = second.get("/me")["id"]
    [fresh] = [one for one in second.get("/me/sessions")["items"] if one["own"]]
    assert operator.http.delete(f"/me/sessions/{fresh['id']}").status_code == 404, "nobody else's"
    assert other.http.delete(f"/me/sessions/{fresh['id']}").status_code == 204
    assert second.http.get("/me").status_code == 401
    theirs = administrator.get(f"/accounts/{account}/sessions")["items"]
    assert own["id"] in {one["id"] for one in theirs}
    assert administrator.http.delete(f"/accounts/{account}/sessions/{own['id']}").status_code == 204
    assert other.http.get("/me").status_code == 401


def test_a_second_factor_is_switched_on_asked_for_and_reset(
    second_administrator: Person, administrator: Person, system: System
) -> None:
    person = second_administrator
    begun = person.http.post("/me/second-factor").json()
    totp = TOTP(_secret(begun["secret"]), 6, SHA1(), 30)

    def code(steps: int = 0) -> str:
        return totp.generate(time.time() + 30 * steps).decode()

    signed = {"username": person.username, "password": system.account("street-1")["password"]}
    assert person.http.post("/me/second-factor/confirm", json={"code": "000000"}).status_code in (422,)
    assert person.http.post("/token", data=signed).status_code == 200, "not on before it is confirmed"
    first = code()
    codes = person.http.post("/me/second-factor/confirm", json={"code": first}).json()["recovery_codes"]
    refused = person.http.post("/token", data=signed)
    assert (refused.status_code, refused.json()["second_factor"]) == (401, True)
    assert person.http.post("/token", data=signed | {"code": first}).status_code == 401, "taken already"
    assert person.http.post("/token", data=signed | {"code": code(1)}).status_code == 200
    assert person.http.post("/token", data=signed | {"code": codes[0]}).status_code == 200
    assert person.http.post("/token", data=signed | {"code": codes[0]}).status_code == 401
    assert person.get("/me/second-factor")["recovery_left"] == len(codes) - 1
    for _ in range(5):
        last = person.http.post("/token", data=signed | {"code": "000000"})
    assert last.status_code in (401, 429)
    assert person.http.post("/token", data=signed | {"code": codes[1]}).status_code == 429
    system.sql("DELETE FROM sign_in_failures")
    assert person.http.post("/me/second-factor").status_code == 409
    account = person.get("/me")["id"]
    [(kept_secret,)] = system.sql("SELECT secret FROM second_factors WHERE account_id = %s", account)
    assert bytes(kept_secret).startswith(b"\x01\x05tests"), "sealed"
    assert administrator.http.delete(f"/accounts/{account}/second-factor").status_code == 204
    assert person.http.post("/token", data=signed).status_code == 200
    kept = {one["what"] for one in administrator.get("/changes", subject="account", subject_id=account)["items"]}
    assert {"second factor on", "second factor off"} <= kept


def _secret(written: str) -> bytes:
    return base64.b32decode(written + "=" * (-len(written) % 8))
