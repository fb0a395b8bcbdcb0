"""My channels and hours, the family's view, and links of messages: what an outsider meets."""

from collections.abc import Iterator

import httpx
import pytest

from tests.parts.system import Device, Person, System

WEBHOOK = {"kind": "webhook", "label": "平台", "url": "https://hooks.example.org/anhu?token=very-secret"}
ROBOT = {"kind": "apprise", "label": "家庭群", "url": "dingtalk://very-secret-token", "least": "red"}


@pytest.fixture
def person(caregiver: Person) -> Iterator[Person]:
    yield caregiver
    for one in caregiver.get("/me/channels")["items"]:
        assert caregiver.http.delete(f"/me/channels/{one['id']}").status_code == 204


def test_channels_are_added_ordered_and_removed_and_never_told_again(person: Person, operator: Person) -> None:
    added = [person.http.post("/me/channels", json=body) for body in (WEBHOOK, ROBOT)]
    assert [one.status_code for one in added] == [201, 201]
    hook, robot = (one.json() for one in added)
    assert len(hook["secret"]) > 30
    assert robot["secret"] is None
    listed = person.get("/me/channels")
    assert [(one["label"], one["service"], one["least"]) for one in listed["items"]] == [
        ("平台", "hooks.example.org", "blue"),
        ("家庭群", "dingtalk", "red"),
    ]
    assert "very-secret" not in str(listed)
    assert hook["secret"] not in str(listed)
    assert len(listed["web_push_key"]) == 87
    # The same again is the same channel, under its new name.
    again = person.http.post("/me/channels", json=ROBOT | {"label": "新名字"}).json()
    assert (again["id"], again["label"]) == (robot["id"], "新名字")
    turned = person.http.put("/me/channels/order", json={"ids": [robot["id"], hook["id"]]})
    assert [one["id"] for one in turned.json()["items"]] == [robot["id"], hook["id"]]
    assert person.http.put("/me/channels/order", json={"ids": [robot["id"]]}).status_code == 409
    # Of others they do not exist.
    assert operator.http.delete(f"/me/channels/{hook['id']}").status_code == 404
    assert operator.http.post(f"/me/channels/{hook['id']}/test").status_code == 404
    assert operator.get("/me/channels")["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "webhook", "url": "http://hooks.example.org/"},
        {"kind": "webhook", "url": "https://127.0.0.1/"},
        {"kind": "webhook", "url": "https://localhost:8000/readyz"},
        {"kind": "webhook", "url": "https://[::ffff:10.0.0.1]/"},
        {"kind": "webhook", "url": "https://169.254.169.254/latest/meta-data"},
        {"kind": "webhook", "url": "https://2130706433/"},
        {"kind": "webhook", "url": "https://me:secret@example.org/"},
        {"kind": "webhook"},
        {"kind": "apprise", "url": "json://10.0.0.1/x"},
        {"kind": "apprise", "url": "syslog://"},
        {"kind": "apprise", "url": "not an address"},
        {"kind": "web_push", "subscription": {"endpoint": "https://192.168.0.1/x", "keys": {}}},
        {"kind": "web_push", "subscription": {"endpoint": "https://push.example.org/x", "keys": {"p256dh": "AA"}}},
        {"kind": "web_push"},
        {"kind": "pigeon", "url": "https://example.org"},
        {"kind": "sms", "to": "13900000000"},  # this deployment has no gateway
    ],
    ids=str,
)
def test_what_is_no_channel_is_refused(caregiver: Person, body: dict[str, object]) -> None:
    answer = caregiver.http.post("/me/channels", json={"label": "试"} | body)
    assert answer.status_code == 422, answer.text
    assert caregiver.get("/me/channels")["items"] == []


def test_quiet_hours(caregiver: Person) -> None:
    assert caregiver.get("/me/channels")["quiet"] is None
    wanted = {"quiet": {"begins": "22:00:00", "ends": "07:00:00"}}
    assert caregiver.http.put("/me/hours", json=wanted).json() == wanted
    assert caregiver.get("/me/channels")["quiet"] == wanted["quiet"]
    same = {"quiet": {"begins": "22:00", "ends": "22:00"}}
    assert caregiver.http.put("/me/hours", json=same).status_code == 422
    assert caregiver.http.put("/me/hours", json={"quiet": None}).status_code == 200


def test_family_sees_what_the_elder_consented_to(caregiver: Person, operator: Person, system: System) -> None:
    assert operator.http.get("/family").status_code == 403
    (elder,) = caregiver.get("/family")["elders"]
    assert elder["consents"] == ["family_alerts", "family_location", "family_vitals"]
    with Device(system.broker, "watch-0001") as watch:
        pressed = watch.press(location={"lat": 29.7, "lon": 105.7})
        alert = operator.alert_of(pressed["event_id"])
        watch.receipt(pressed["event_id"], "raised")
    try:
        (shown,) = (one for one in caregiver.get("/family")["elders"][0]["alerts"] if one["id"] == alert["id"])
        assert shown["location"] == {"lat": 29.7, "lon": 105.7}
        said = caregiver.http.post(f"/family/alerts/{alert['id']}/safe", json={"note": "已打通电话"})
        assert said.status_code == 200, said.text
        assert operator.get(f"/alerts/{alert['id']}")["state"] == "triggered"
        assert operator.http.post(f"/family/alerts/{alert['id']}/safe").status_code == 403
        assert operator.get(f"/alerts/{alert['id']}")["family_safe"] is True, "also in the row of the list"
        timeline = operator.get(f"/alerts/{alert['id']}")["timeline"]
        assert [(one["by"]["name"], one["note"]) for one in timeline if one["kind"] == "family_safe"] == [
            ("张晓兰", "已打通电话")
        ]
        device = elder["devices"][0]["device_id"]
        for purpose, withheld in (("family_location", "location"), ("family_vitals", None), ("family_alerts", "all")):
            system.sql("UPDATE consents SET withdrawn_at = now() WHERE purpose = %s AND withdrawn_at IS NULL", purpose)
            if withheld == "location":
                assert caregiver.get(f"/alerts/{alert['id']}")["location"] is None
                assert caregiver.get(f"/alerts/{alert['id']}")["place"] is None
                assert caregiver.get(f"/elders/{elder['id']}")["position"] is None
                assert caregiver.get("/family")["elders"][0]["alerts"][0]["location"] is None
            elif withheld is None:
                assert caregiver.http.get(f"/devices/{device}/readings").status_code == 403
                assert caregiver.http.get(f"/family/elders/{elder['id']}/vitals").status_code == 403
                assert caregiver.get(f"/elders/{elder['id']}")["health_notes"] is None
            else:
                assert caregiver.get("/family")["elders"] == []
                assert caregiver.http.get(f"/alerts/{alert['id']}").status_code == 404
    finally:
        system.sql("UPDATE consents SET withdrawn_at = NULL")
        operator.move(alert, "acknowledge")
        operator.move(alert, "resolve", outcome="test")
    assert caregiver.http.post(f"/family/alerts/{alert['id']}/safe", json={}).status_code == 409


def test_consents_are_recorded_withdrawn_and_obeyed_at_once(
    caregiver: Person, operator: Person, system: System
) -> None:
    admin = system.sign_in("admin")
    (shown,) = caregiver.get("/family")["elders"]
    path = f"/elders/{shown['id']}/consents"
    listed = operator.get(path)
    assert [one["name"] for one in listed["family"]] == ["张晓兰"]
    before = {one["purpose"]: one for one in listed["items"] if one["withdrawn_at"] is None}
    assert sorted(before) == ["family_alerts", "family_location", "family_vitals"]
    said = {
        "purpose": "family_alerts",
        "text": "同意家属看到我的告警。（虚构）",
        "given_by": "张某（监护人，虚构）",
    }
    assert caregiver.http.get(path).status_code == 403
    assert operator.http.post(path, json=said).status_code == 403, "recording is the administrators'"
    assert system.sign_in("xichan-1").http.get(path).status_code == 404, "the station next door"
    for wrong in ({"text": "  "}, {"purpose": "everything"}, {"given_on": "2099-01-01"}, {"given_on": "1900-01-01"}):
        assert admin.http.post(path, json=said | wrong).status_code == 422, wrong
    try:
        # A withdrawal waits for no administrator, and the family's next request has nothing of the elder any more.
        end = f"{path}/{before['family_alerts']['id']}/withdraw"
        ended = operator.http.post(end)
        assert ended.status_code == 200, ended.text
        assert caregiver.get("/family")["elders"] == []
        assert caregiver.http.get(f"/elders/{shown['id']}").status_code == 404
        assert operator.http.post(end).json() == ended.json(), "again it changes nothing"
        assert admin.http.post(f"{path}/{shown['id']}/withdraw").status_code == 404
        given = admin.http.post(path, json=said | {"given_on": "2026-11-01"})
        assert given.status_code == 201, given.text
        first = next(one for one in given.json()["items"] if one["text"] == said["text"])
        assert (first["given_by"], first["withdrawn_at"]) == (said["given_by"], None)
        assert first["given_at"].startswith("2026-10-31T16:00:00"), "the day in Beijing"
        assert [one["id"] for one in caregiver.get("/family")["elders"]] == [shown["id"]]
        assert len(admin.http.post(path, json=said).json()["items"]) == len(given.json()["items"]), "the same again"
        anew = admin.http.post(path, json=said | {"text": "另一份。（虚构）"}).json()["items"]
        in_force = [one["text"] for one in anew if one["withdrawn_at"] is None and one["purpose"] == "family_alerts"]
        assert in_force == ["另一份。（虚构）"]
        changes = admin.get("/changes", subject="elder", subject_id=shown["id"])["items"]
        told = [(one["what"], one["actor"]) for one in changes if one["what"].startswith("consent")][:4]
        assert [what for what, _ in reversed(told)] == [
            *("consent withdrawn", "consent given", "consent withdrawn", "consent given")
        ], told
        assert told[-1][1] == operator.get("/me")["name"]
        given_then = next(one for one in changes if one["what"] == "consent given")
        assert given_then["after"]["purpose"] == "family_alerts"
    finally:
        system.sql("DELETE FROM consents WHERE text LIKE '%%（虚构）' AND recorded_by <> '演示'")
        system.sql("UPDATE consents SET withdrawn_at = NULL WHERE recorded_by = '演示'")


BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_a_link_that_we_did_not_make_opens_nothing(system: System, caregiver: Person) -> None:
    for token in ("x", "A" * 38):
        assert caregiver.http.get(f"{system.url}/n/{token}").status_code == 404
        assert caregiver.http.post(f"{system.url}/n/{token}/shown").status_code == 404


@pytest.mark.parametrize("path", ["/n/x", "/n/" + "A" * 38, "/n/", "/n", "/h", "/v/x", "/nothing"])
def test_a_person_whose_link_is_dead_is_told_what_to_do(system: System, path: str) -> None:
    page = httpx.get(system.url + path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "打电话" in page.text
    assert "120" in page.text
    assert page.headers["cache-control"] == "no-store"
    for accept in ("application/json", "*/*", "application/problem+json, text/html"):
        program = httpx.get(system.url + path, headers={"accept": accept})
        assert program.headers["content-type"] == "application/problem+json", accept
        assert program.json()["status"] == 404
