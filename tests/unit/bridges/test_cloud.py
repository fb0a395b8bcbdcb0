"""What a push becomes, and when it is answered: the bridge over a stand-in for its way to the broker."""

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.bridges.cloud import MOST_BODY_BYTES, make_app
from gateway.bridges.cloud_proof import onenet_signature
from gateway.bridges.cloud_settings import CloudSettings, described, load
from gateway.bridges.uplink import UplinkFullError
from gateway.topics import Leaf
from services.runtime.settings import SettingsError
from tests.unit.bridges.test_onenet_sealed import KEY, SEALED

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SECRET = "a secret of this test"
PATH = SECRET.replace(" ", "%20")


class Recorder:
    """Takes note of what would be published. `stored` opens: until then no event has its receipt."""

    connected = True

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.stored = asyncio.Event()
        self.stored.set()
        self.reachable = asyncio.Event()
        self.reachable.set()
        self.refusal: BaseException | None = None

    async def event(self, device_id: str, event: Any) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.said.append(("event", device_id, event.type, event.event_id))
        await self.stored.wait()
        return "stored"

    async def readings(self, device_id: str, readings: Any) -> None:
        await self.reachable.wait()
        self.said.append(("readings", device_id, len(readings)))

    async def status(self, device_id: str, online: bool, at: datetime) -> None:
        self.said.append(("status", device_id, online))

    async def raw(self, device_id: str, leaf: Leaf, payload: bytes) -> None:
        self.said.append(("raw", device_id, leaf.value, payload))


class Cloud:
    def __init__(self, **more: str) -> None:
        self.uplink = Recorder()
        secrets = {f"{cloud}_secret": SECRET for cloud in ("iotda", "ctwing", "alink")}
        self.settings = CloudSettings.model_validate({"answer_seconds": 0.1, "onenet_token": "token"} | secrets | more)
        app = make_app(self.settings, self.uplink, lambda: NOW)  # type: ignore[arg-type]
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bridge")

    async def push(self, body: Any, path: str = f"/iotda/{PATH}", **options: Any) -> int:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return (await self.http.post(path, content=content, **options)).status_code

    def kinds(self) -> list[str]:
        return [said[0] for said in self.uplink.said]


@pytest.fixture
async def cloud() -> Any:
    cloud = Cloud()
    yield cloud
    cloud.uplink.stored.set()
    cloud.uplink.reachable.set()
    await asyncio.sleep(0)
    await cloud.http.aclose()


def iotda(device_id: str = "d/1", **properties: Any) -> dict[str, Any]:
    services = [{"service_id": "s", "properties": properties, "event_time": "20261122T035900Z"}]
    data = {"header": {"device_id": device_id}, "body": {"services": services}}
    return {"resource": "device.property", "event": "report", "notify_data": data}


async def test_a_push_with_an_event_is_answered_when_it_is_stored(cloud: Cloud) -> None:
    cloud.uplink.stored.clear()
    pushing = asyncio.ensure_future(cloud.push(iotda(sos=1)))
    while not cloud.uplink.said:
        await asyncio.sleep(0)
    assert not pushing.done()
    cloud.uplink.stored.set()
    assert await pushing == 200


async def test_one_that_is_not_stored_in_time_is_to_be_pushed_again_as_the_same_event(cloud: Cloud) -> None:
    cloud.uplink.stored.clear()
    assert await cloud.push(iotda(sos=1)) == 503
    cloud.uplink.stored.set()
    assert await cloud.push(iotda(sos=1)) == 200
    first, again = cloud.uplink.said
    assert first == again


async def test_readings_are_answered_when_the_broker_has_them_and_go_on_after_the_limit(cloud: Cloud) -> None:
    cloud.uplink.reachable.clear()
    assert await cloud.push(iotda(heartRate=70)) == 503
    assert cloud.uplink.said == []
    cloud.uplink.reachable.set()
    assert await cloud.push(iotda(heartRate=71)) == 200
    assert cloud.kinds() == ["readings", "readings"], "nothing that was under way is dropped"


async def test_names_are_made_fit_and_kept_apart_by_cloud(cloud: Cloud) -> None:
    await cloud.push(iotda("d/1", sos=1))
    await cloud.push({"messageType": "deviceOnlineOfflineReport", "eventType": 0, "deviceId": "d/1"}, f"/ctwing/{PATH}")
    assert [said[1] for said in cloud.uplink.said] == ["iotda-d_1", "ctwing-d_1"]
    assert cloud.uplink.said[1] == ("status", "ctwing-d_1", False)


async def test_what_cannot_be_decoded_is_passed_on_as_it_came(cloud: Cloud) -> None:
    broken = b'{"resource": "device.property", "notify_data": {"header": {"device_id": "d1"}'
    assert await cloud.push(broken) == 200
    assert await cloud.push(b"\xff") == 200
    assert await cloud.push(iotda("d2", gasAlarm="maybe")) == 200
    raw = [said[:3] for said in cloud.uplink.said]
    assert raw == [("raw", "iotda-d1", "events"), ("raw", "iotda-unknown", "events"), ("raw", "iotda-d2", "events")]
    assert cloud.uplink.said[0][3] == broken


async def test_what_has_raised_or_is_but_a_bad_number_is_passed_on_where_it_raises_nothing(cloud: Cloud) -> None:
    await cloud.push(b'{"notify_data":{"header":{"device_id":"d1"},"body":{"services":[{"properties":{"sos":1,')
    await cloud.push(iotda("d2", heartRate=999))
    assert [said[:3] for said in cloud.uplink.said] == [
        ("event", "iotda-d1", "sos"),
        ("raw", "iotda-d1", "readings"),
        ("raw", "iotda-d2", "readings"),
    ]


async def test_an_event_may_be_named_by_the_topic_alone(cloud: Cloud) -> None:
    topic = {"topic": "/sys/pk/dn/thing/event/sosAlarm/post"}
    assert await cloud.push({"params": {"value": {}}}, f"/alink/{PATH}", params=topic) == 200
    assert cloud.uplink.said[0][:3] == ("event", "alink-pk_dn", "sos")


@pytest.mark.parametrize("path", ["/iotda/wrong", "/iotda/" + PATH + "x", "/ctwing/x", "/onenet"])
async def test_who_does_not_prove_himself_is_refused_and_not_quoted(
    cloud: Cloud, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await cloud.push(iotda(sos=1, note="an elder's name"), path) == 403
    assert cloud.uplink.said == []
    assert "does not prove itself" in caplog.text
    assert "elder" not in caplog.text


async def test_a_cloud_without_a_secret_has_no_address(cloud: Cloud) -> None:
    for path in ("/tuya/", "/tuya/x", f"/tuya/{PATH}", f"/onenet/{PATH}", "/other/x", "/docs", "/"):
        assert await cloud.push(iotda(sos=1), path) in (404, 405), path
    assert cloud.uplink.said == []


async def test_onenet_finds_out_that_the_address_is_ours(cloud: Cloud) -> None:
    query = {"msg": "<hello>", "nonce": "n", "signature": onenet_signature("token", "n", "<hello>")}
    answer = await cloud.http.get("/onenet", params=query)
    assert (answer.status_code, answer.text) == (200, "<hello>")
    assert answer.headers["content-type"].startswith("text/plain")
    for wrong in ({**query, "msg": "other"}, {"msg": "<hello>"}, {}):
        assert (await cloud.http.get("/onenet", params=wrong)).status_code == 403


@pytest.mark.parametrize("form", [True, False])
async def test_onenet_pushes_in_two_forms(cloud: Cloud, form: bool) -> None:
    params = {"Wear": {"time": 1795319940000, "value": "离线"}, "sos": {"time": 1795319940000, "value": True}}
    told = {"notifyType": "property", "productId": "p", "messageType": "notify", "data": {"params": params}}
    msg = json.dumps(told | {"deviceName": "d"}, ensure_ascii=False)
    body = {"msg": msg, "nonce": "4KNbK6m3", "signature": onenet_signature("token", "4KNbK6m3", msg)}
    answer = await cloud.http.post("/onenet", **({"data": body} if form else {"json": body}))
    assert answer.status_code == 200
    assert [said[:3] for said in cloud.uplink.said] == [
        ("event", "onenet-p_d", "sos"),
        ("event", "onenet-p_d", "worn_off"),
        ("readings", "onenet-p_d", 1),
    ]
    forged = body | {"msg": msg.replace("true", "false")}
    assert (await cloud.http.post("/onenet", json=forged)).status_code == 403


@pytest.mark.parametrize(("key", "status"), [(KEY, 200), ("", 503), (KEY[::-1], 503)])
async def test_an_encrypted_push_of_onenet_is_read_or_asked_for_again(key: str, status: int) -> None:
    cloud = Cloud(onenet_key=key)
    body = {"msg": SEALED, "nonce": "4KNbK6m3", "signature": onenet_signature("token", "4KNbK6m3", SEALED)}
    assert (await cloud.http.post("/onenet", json=body)).status_code == status
    assert cloud.kinds()[:1] == (["event"] if status == 200 else [])
    forged = body | {"nonce": "4KNbK6m4"}
    assert (await cloud.http.post("/onenet", json=forged)).status_code == 403
    await cloud.http.aclose()


async def test_a_body_without_end_is_refused(cloud: Cloud) -> None:
    assert await cloud.push(b" " * (MOST_BODY_BYTES + 1)) == 413
    assert cloud.uplink.said == []


async def test_a_body_that_does_not_come_is_not_waited_for(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.bridges.cloud.BODY_SECONDS", 0.05)
    never = asyncio.Event()

    async def slowly() -> Any:
        yield b'{"resource"'
        await never.wait()

    for path in (f"/iotda/{PATH}", "/onenet"):
        assert (await cloud.http.post(path, content=slowly())).status_code == 408
    assert cloud.uplink.said == []


async def test_a_broker_that_is_away_for_long_keeps_readings_out_and_emergencies_in(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.bridges.cloud.MOST_WAITING", 3)
    cloud.uplink.reachable.clear()
    pushes = [asyncio.ensure_future(cloud.push(iotda(f"d{n}", spo2=97))) for n in range(4)]
    assert await asyncio.gather(*pushes) == [503] * 4
    assert await cloud.push(iotda("e1", sos=1)) == 200
    assert await cloud.push(iotda("e2", sos=1, spo2=97)) == 503, "its reading is not taken"
    while len(cloud.uplink.said) < 2:
        await asyncio.sleep(0)
    assert cloud.kinds() == ["event", "event"]
    cloud.uplink.reachable.set()
    while cloud.kinds() != ["event", "event", "readings", "readings", "readings"]:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await cloud.push(iotda("e2", sos=1, spo2=97)) == 200
    assert cloud.kinds()[5:] == ["event", "readings"]


@pytest.mark.parametrize("body", [b"", b"0", b"[]", b'"x"', b"{", b"\xff\xfe", b'{"sos": 1}', b"{}", b"[" * 5000])
async def test_nothing_that_proves_itself_is_dropped(cloud: Cloud, body: bytes) -> None:
    for cloud_name in ("iotda", "ctwing", "alink"):
        cloud.uplink.said.clear()
        assert await cloud.push(body, f"/{cloud_name}/{PATH}") == 200
        assert ("raw", f"{cloud_name}-unknown", body) in [(said[0], said[1], said[-1]) for said in cloud.uplink.said]


async def test_when_no_event_can_be_taken_the_cloud_is_told(cloud: Cloud) -> None:
    cloud.uplink.refusal = UplinkFullError("1 event waits")
    assert await cloud.push(iotda(sos=1)) == 503
    cloud.uplink.refusal = asyncio.CancelledError()  # the way to the broker ends
    assert await cloud.push(iotda(sos=1)) == 503


async def test_whether_it_is_ready(cloud: Cloud) -> None:
    assert (await cloud.http.get("/healthz")).status_code == 200
    assert (await cloud.http.get("/readyz")).status_code == 200
    cloud.uplink.connected = False
    assert (await cloud.http.get("/readyz")).status_code == 503


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ANHU_CLOUD_IOTDA_SECRET", "short", "ANHU_CLOUD_IOTDA_SECRET.*at least 16"),
        ("ANHU_CLOUD_TUYA_DEVICE_ID", "tuya", "ANHU_CLOUD_TUYA_DEVICE_ID.*all devices would be one"),
        ("ANHU_CLOUD_HTTP_PORT", "0", "ANHU_CLOUD_HTTP_PORT"),
        ("ANHU_CLOUD_ANSWER_SECONDS", "15", "ANHU_CLOUD_ANSWER_SECONDS"),
        ("ANHU_CLOUD_ONENET_TOKEN", "", "no cloud may push"),
    ],
)
def test_what_is_wrong_in_the_settings_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv("ANHU_CLOUD_ONENET_TOKEN", "token")
    assert load().onenet_token.get_secret_value() == "token"
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=says):
        load()


def test_every_setting_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "devices.md").read_text("utf-8")
    rows = re.findall(r"^\| `(ANHU_CLOUD_[A-Z_]+)` \| `?(.+?)`? \| (.+?) \|$", page, re.MULTILINE)
    assert rows == described()
