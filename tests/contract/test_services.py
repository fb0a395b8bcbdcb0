"""Service requests from outside: quieter than an alert, and each within reach."""

from tests.contract.asking import raised
from tests.parts.system import Device, Person, System
from tests.parts.waiting import until


def test_a_service_key_is_a_request_that_is_accepted_assigned_done_and_rated(
    wristband: Device, operator: Person, neighbour: Person, system: System
) -> None:
    wristband.press("service_request", detail={"service": "物品代购"})
    [asked] = until(
        lambda: [one for one in operator.get("/service-requests")["items"] if one["device_id"] == wristband.device_id],
        "the request is in the list",
        every=0.05,
    )
    assert (asked["service"], asked["state"], asked["steps"]) == ("物品代购", "open", ["accept", "assign", "withdraw"])
    path = f"/service-requests/{asked['id']}"
    assert neighbour.http.get(path).status_code == neighbour.http.post(f"{path}/accept").status_code == 404
    assert operator.http.post(f"{path}/done").status_code == 409
    for _ in range(2):
        accepted = operator.http.post(f"{path}/accept").json()
        assert (accepted["state"], accepted["version"]) == ("accepted", 2)
    other = system.sign_in("beichan-2").http.post(f"{path}/accept")
    assert (other.status_code, other.json()["state"]) == (409, "accepted")
    body = {"assigned_to": "某超市（虚构）"}
    assert operator.http.post(f"{path}/assign", json=body).json()["assigned_to"] == "某超市（虚构）"
    assert operator.http.post(f"{path}/done", json={"note": "已送到"}).json()["closed_at"]
    assert operator.http.post(f"{path}/rate", json={"rating": 6}).status_code == 422
    assert operator.http.post(f"{path}/rate", json={"rating": 5}).json()["rating"] == 5
    detail = operator.get(path)
    assert [entry["kind"] for entry in detail["log"]] == ["accept", "assign", "done", "rate"]
    assert asked["id"] not in {one["id"] for one in operator.get("/service-requests")["items"]}
    assert asked["id"] in {one["id"] for one in operator.get("/service-requests", state="done")["items"]}


def test_the_family_asks_calls_off_and_rates_but_does_not_serve(
    caregiver: Person, operator: Person, wristband: Device
) -> None:
    [theirs] = caregiver.get("/elders")["items"]
    strangers = raised(wristband, operator)["elder"]["id"]
    body = {"elder_id": theirs["id"], "service": "家政预约", "words": "擦玻璃（虚构）"}
    assert caregiver.http.post("/service-requests", json=body | {"elder_id": strangers}).status_code == 404
    assert caregiver.http.post("/service-requests", json=body | {"service": "借钱"}).status_code == 422
    asked = caregiver.http.post("/service-requests", json=body).json()
    assert (asked["asked_by"]["name"], asked["steps"]) == ("张晓兰", ["withdraw"])
    path = f"/service-requests/{asked['id']}"
    assert caregiver.http.post(f"{path}/accept").status_code == 403
    assert asked["id"] in {one["id"] for one in operator.get("/service-requests", elder_id=theirs["id"])["items"]}
    assert operator.http.post(f"{path}/accept").status_code == 200
    assert operator.http.post(f"{path}/done").json()["state"] == "done"
    assert caregiver.http.post(f"{path}/rate", json={"rating": 4, "note": "很好"}).json()["rating"] == 4
    second = caregiver.http.post("/service-requests", json=body).json()
    assert caregiver.http.post(f"/service-requests/{second['id']}/withdraw").json()["state"] == "withdrawn"
