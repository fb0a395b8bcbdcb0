"""Webhooks for changes: a real database, the api, what sends, and another system over HTTP. Everybody is invented."""

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg import AsyncConnection

from alerts import push_changes
from alerts.change_feed import Place, Settled, read_batch
from alerts.push_changes import Pusher
from services.registry.names import Actor
from services.registry.rotate_keys import rotate_keys
from services.registry.sealing import Keys, new_key
from tests.parts.asking import signed_in
from tests.parts.waiting import PATIENCE
from tests.parts.ward import HIGH, Ward, ward_at

OLD = new_key("old")
WORDS = (Path(__file__).parents[2] / "docs/exchange.md").read_text("utf-8")


def _documented() -> Callable[[str, dict[str, str], bytes], bool]:
    """The receiver of docs/exchange.md, as it stands there."""
    code = re.search(r"checked by tests/integration/test_webhooks.py -->\n```python\n(.*?)```", WORDS, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    is_from_anhu: Callable[[str, dict[str, str], bytes], bool] = names["is_from_anhu"]
    return is_from_anhu


class Platform:
    """Another system. `statuses`: its next answers, each once; then 200. `taken` is what it said yes to."""

    def __init__(self) -> None:
        self.secret = ""
        self.statuses: list[int] = []
        self.taken: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.wrong: list[str] = []
        #: held closed, it gives no answer
        self.open = threading.Event()
        self.open.set()
        is_from_anhu, this = _documented(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                told = json.loads(body)
                if not is_from_anhu(this.secret, headers, body) or is_from_anhu(this.secret, headers, body + b" "):
                    this.wrong.append(f"the signature of {told['id']}")
                if headers["anhu-key"] != told["id"]:
                    this.wrong.append(f"the key of {told['id']}")
                this.asked.append(told["id"])
                this.open.wait(20)
                status = this.statuses.pop(0) if this.statuses else 200
                if status == 200:
                    this.taken.append(told)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/anhu"

    def close(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    async def until(self, count: int) -> list[tuple[str, str]]:
        """Subject and action of what it took, once it is so much."""
        await until(lambda: len(self.taken) >= count, lambda: f"{count}, and not {self.taken}")
        assert not self.wrong
        return [(one["subject"], one["action"]) for one in self.taken]


async def until(check: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE * 8
    while not check():
        assert time.monotonic() < deadline, what()
        await asyncio.sleep(0.01)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setattr(push_changes, "SWEEP_SECONDS", 0.03)
    platform = Platform()
    yield platform
    platform.close()


@pytest.fixture
async def ward(database_url: str) -> AsyncIterator[Ward]:
    async with ward_at(database_url) as ward:
        yield ward


@pytest.fixture
async def http(ward: Ward) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(ward, data_keys=OLD, channels_may_be_local=True) as http:
        yield http


@asynccontextmanager
async def sending(ward: Ward, keys: str = OLD, *, local: bool = True) -> AsyncIterator[Pusher]:
    """While somebody sends: killed at the end, wherever it is."""
    faults: list[str] = []
    pusher = Pusher(Keys(keys), local=local, told=faults.append)
    async with await AsyncConnection.connect(ward.url, autocommit=True) as connection:
        task = asyncio.create_task(pusher.run(connection, lambda: None))
        try:
            yield pusher
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert faults == []


async def _registered(
    http: httpx.AsyncClient, platform: Platform, organization_id: UUID, *subjects: str
) -> dict[str, Any]:
    new = {"organization_id": str(organization_id), "label": "区民政平台（虚构）", "url": platform.url}
    answer = await http.post("/webhooks", json=new | {"subjects": list(subjects) or ["elder", "alert"]})
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.json()
    platform.secret = said["secret"]
    return said


async def _named(ward: Ward, name: str, elder: UUID | None = None) -> None:
    await ward.connection.execute("UPDATE elders SET name = %s WHERE id = %s", (name, elder or ward.elder))


async def _due(ward: Ward) -> None:
    """Its wait is over: nobody waits for it here. A claim that somebody left is over as well."""
    await ward.connection.execute("UPDATE webhook_states SET next_at = now(), claimed_until = NULL")


async def _past(ward: Ward, change: int) -> None:
    """Whoever is told has been told of all up to this one, or of none of it."""
    deadline = time.monotonic() + PATIENCE * 8
    while not await ward.rows("SELECT FROM webhook_states WHERE changes_after >= %s", change):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def _shown(http: httpx.AsyncClient, webhook_id: str) -> dict[str, Any]:
    answer = await http.get(f"/webhooks/{webhook_id}")
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def _until_failed(http: httpx.AsyncClient, webhook_id: str, failures: int) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE * 8
    while (shown := await _shown(http, webhook_id))["failures"] < failures:
        assert time.monotonic() < deadline, shown
        await asyncio.sleep(0.02)
    return shown


async def test_what_changes_below_is_told_in_order_without_a_word_of_what_to(
    ward: Ward, http: httpx.AsyncClient, platform: Platform
) -> None:
    await _named(ward, "之前（虚构）")
    other, neighbour = uuid4(), uuid4()
    await ward.connection.execute(
        "INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, 'community', '邻站（虚构）')",
        (other, ward.city),
    )
    await ward.connection.execute(
        "INSERT INTO elders (id, organization_id, name) VALUES (%s, %s, '邻某（虚构）')", (neighbour, other)
    )
    await _registered(http, platform, ward.station, "elder", "alert", "device")
    async with sending(ward):
        answer = await http.patch(f"/elders/{ward.elder}", json={"address": "新街 2 号（虚构）"})
        assert answer.status_code == 200, answer.text
        await _named(ward, "邻居（虚构）", neighbour)
        await ward.connection.execute("UPDATE devices SET model = 'M2' WHERE device_id = 'wb-1'")
        await ward.connection.execute("UPDATE organizations SET phone = '023-1' WHERE id = %s", (ward.station,))
        assert await platform.until(2) == [("elder", "changed"), ("device", "changed")]
        # One that goes elsewhere is told where it was.
        await ward.connection.execute("UPDATE elders SET organization_id = %s WHERE id = %s", (other, ward.elder))
        await platform.until(3)
        await _named(ward, "不再是这里的（虚构）")
        await _past(ward, (await _last_changes(ward, 1))[0])
        await ward.connection.execute(
            "UPDATE elders SET organization_id = %s WHERE id = %s", (ward.station, ward.elder)
        )
        await platform.until(4)
    first, device, gone, back = platform.taken
    assert first["by"] == {"account_id": str(ward.account), "role": "administrator"}
    assert first["fields"] == ["address"]
    assert (first["subject_id"], first["organization_id"]) == (str(ward.elder), str(ward.station))
    assert device["subject_id"] == "wb-1"
    assert gone["fields"] == back["fields"] == ["organization_id"]
    assert not any(word in json.dumps(platform.taken, ensure_ascii=False) for word in ("虚构", "M2", "李某"))


async def test_alerts_are_told_line_by_line(ward: Ward, http: httpx.AsyncClient, platform: Platform) -> None:
    alert = uuid4()
    await _registered(http, platform, ward.city)
    await ward.connection.execute(
        "INSERT INTO alerts (id, type, severity, title, state, organization_id, elder_id, device_id, event_id,"
        " occurred_at, received_at, raised_at, last_move_at, drill)"
        " VALUES (%s, 'sos', 'red', '呼救', 'triggered', %s, %s, 'wb-1', 'e-1', now(), now(), now(), now(), true)",
        (alert, ward.station, ward.elder),
    )
    await ward.connection.execute(
        "INSERT INTO alert_timeline (alert_id, at, kind, account_id, actor, version)"
        " VALUES (%(a)s, now(), 'raised', NULL, NULL, 1), (%(a)s, now(), 'acknowledged', %(who)s, '李某（虚构）', 2)",
        {"a": alert, "who": ward.account},
    )
    async with sending(ward):
        assert await platform.until(2) == [("alert", "raised"), ("alert", "acknowledged")]
    assert [one["alert"] for one in platform.taken] == [{"version": 1, "drill": True}, {"version": 2, "drill": True}]
    assert [one["by"]["role"] for one in platform.taken] == [None, "administrator"]
    assert "李某" not in json.dumps(platform.taken, ensure_ascii=False)


async def test_work_rules_and_rosters_are_told_too_by_the_names_of_fields_alone(
    ward: Ward, http: httpx.AsyncClient, platform: Platform
) -> None:
    subjects = ("visit", "service_request", "medication", "responder", "duty", "escalation", "rule")
    await _registered(http, platform, ward.city, *subjects)
    elder = str(ward.elder)
    made = [
        await http.post("/visits", json={"id": str(uuid4()), "elder_id": elder, "result": "met", "findings": "咳嗽"}),
        await http.post("/service-requests", json={"elder_id": elder, "service": "物品代购", "words": "买降压药"}),
        await http.post(
            f"/elders/{elder}/medication", json={"medicine": "氨氯地平", "dose": "1片", "times": ["08:00"]}
        ),
        await http.post(
            "/responders",
            json={
                "name": "冉某（虚构）",
                "organization_id": str(ward.station),
                "kind": "neighbour",
                "phone": "023-0002-0001",
                "position": {"lat": 29.7, "lon": 105.7},
            },
        ),
        await http.post("/rules", json={"rule": HIGH, "reason": "试（虚构）"}),
    ]
    assert [answer.status_code for answer in made] == [201] * len(made), [answer.text for answer in made]
    request = made[1].json()["id"]
    assert (await http.post(f"/service-requests/{request}/accept", json={})).status_code == 200
    # Where somebody is just now is no change of the register.
    await ward.connection.execute("UPDATE responders SET seen_lat = 29.7, seen_lon = 105.7, seen_at = now()")
    await ward.connection.execute(
        "INSERT INTO duty_shifts (id, organization_id, name, begins, ends, people, turn, days, first_day, made_by_name)"
        " VALUES (%s, %s, '白班', '08:00', '20:00', ARRAY[%s]::uuid[], 'daily', '{workday}', now(), '李某（虚构）')",
        (uuid4(), ward.station, ward.account),
    )
    async with sending(ward):
        told = await platform.until(7)
    assert told == [
        ("visit", "created"),
        ("service_request", "created"),
        ("medication", "created"),
        ("responder", "created"),
        ("rule", "created"),
        ("service_request", "changed"),
        ("duty", "created"),
    ]
    moved = platform.taken[5]
    assert (moved["subject_id"], moved["organization_id"]) == (request, str(ward.station))
    assert moved["by"] == {"account_id": str(ward.account), "role": "administrator"}
    assert {"state", "holder_id"} <= set(moved["fields"])
    kept = await ward.rows("SELECT coalesce(before::text, '') || coalesce(after::text, '') AS said FROM changes")
    for word in ("咳嗽", "降压", "氨氯", "0002-0001"):
        assert not [one for one in kept if word in one["said"]], word


async def test_nothing_is_lost_or_out_of_order_over_failures_and_a_death(
    ward: Ward, http: httpx.AsyncClient, platform: Platform
) -> None:
    hook = await _registered(http, platform, ward.station)
    for name in ("一", "二", "三", "四", "五"):
        await _named(ward, name)
    platform.statuses = [200, 500, 503]
    async with sending(ward) as pusher:
        shown = await _until_failed(http, hook["id"], 1)
        assert (shown["failure"], shown["paused_at"]) == ("HTTP 500", None)
        assert shown["next_at"] > shown["failing_since"]
        assert len(platform.taken) == 1, "what failed is waited for"
        await _due(ward)
        await _until_failed(http, hook["id"], 2)
        assert (pusher.pushed, pusher.failures) == (1, 2)
        platform.open.clear()
        asked = len(platform.asked)
        await _due(ward)
        await until(lambda: len(platform.asked) > asked, lambda: "no request")
    # It died while the other side was taking it: that is sent again.
    platform.open.set()
    await _due(ward)
    async with sending(ward):
        ids = [f"change-{one}" for one in await _last_changes(ward, 5)]
        await until(lambda: ids[-1] in [one["id"] for one in platform.taken], lambda: str(platform.taken))
        shown = await _shown(http, hook["id"])
    assert list(dict.fromkeys(one["id"] for one in platform.taken)) == ids
    assert len(platform.taken) <= 6
    assert (shown["failures"], shown["failing_since"], shown["failure"]) == (0, None, None)
    outcomes = [one["outcome"] for one in reversed(shown["deliveries"])]
    assert outcomes[:3] == ["accepted", "failed", "busy"]


async def _last_changes(ward: Ward, count: int) -> list[int]:
    rows = await ward.rows("SELECT id FROM changes WHERE subject = 'elder' ORDER BY id DESC LIMIT %s", count)
    return [row["id"] for row in reversed(rows)]


async def test_a_row_that_appears_behind_others_is_not_skipped(
    ward: Ward, http: httpx.AsyncClient, platform: Platform
) -> None:
    await _registered(http, platform, ward.station)
    second = uuid4()
    await ward.connection.execute(
        "INSERT INTO elders (id, organization_id, name) VALUES (%s, %s, '第二位（虚构）')", (second, ward.station)
    )
    with psycopg.connect(ward.url) as slow:
        slow.execute("UPDATE elders SET name = '慢' WHERE id = %s", (ward.elder,))  # has its id, and is not seen
        await _named(ward, "快", second)
        settled, later = Settled(), Settled()
        async with sending(ward):
            place = await settled.look(ward.connection)
            assert (await settled.look(ward.connection), settled.held_seconds > 0) == (place, True)
            assert platform.taken == []
            slow.commit()
            # The first is of what was made after it was registered.
            await platform.until(3)
    assert [one["subject_id"] for one in platform.taken] == [str(second), str(ward.elder), str(second)]
    keys = [int(one["id"].removeprefix("change-")) for one in platform.taken]
    assert keys == sorted(keys)
    # What came to nothing is gone past.
    with psycopg.connect(ward.url) as slow:
        slow.execute("UPDATE elders SET name = '算了' WHERE id = %s", (ward.elder,))
        await later.look(ward.connection)
        slow.rollback()
    place = await later.look(ward.connection)
    assert place.changes > keys[-1]
    batch = await read_batch(ward.connection, ward.station, ["elder"], Place(keys[-1], 0), place)
    assert (list(batch.events), batch.end) == ([], place)


async def test_it_is_paused_after_a_day_and_goes_on_where_it_stopped(
    ward: Ward, http: httpx.AsyncClient, platform: Platform
) -> None:
    hook = await _registered(http, platform, ward.station)
    await _named(ward, "停下")
    platform.statuses = [404, 404, 200, 410]
    async with sending(ward):
        await _until_failed(http, hook["id"], 1)
        await ward.connection.execute("UPDATE webhook_states SET failing_since = now() - interval '25 hours'")
        await _due(ward)
        await _until_failed(http, hook["id"], 2)
        await _until_paused(http, hook["id"], "failing")
        await _named(ward, "之后")
        # A test goes out all the same, and changes nothing of it.
        assert (await http.post(f"/webhooks/{hook['id']}/test")).status_code == 202
        assert await platform.until(1) == [("webhook", "test")]
        answer = await http.patch(f"/webhooks/{hook['id']}", json={"paused": False})
        assert (answer.json()["paused_at"], answer.json()["failures"]) == (None, 0)
        # Taken after the 410, which pauses at once.
        await _until_paused(http, hook["id"], "gone")
        assert (await http.patch(f"/webhooks/{hook['id']}", json={"paused": False})).status_code == 200
        assert (await platform.until(3))[1:] == [("elder", "changed")] * 2
    trail = (await http.get("/changes", params={"subject": "webhook", "subject_id": hook["id"]})).json()["items"]
    assert [one["what"] for one in trail] == ["changed"] * 4 + ["created"]
    assert {one["actor"] for one in trail} == {"anhu alerts", "李某（虚构）"}
    assert platform.secret not in json.dumps(trail)
    assert (await http.delete(f"/webhooks/{hook['id']}")).status_code == 204
    assert (await http.get("/webhooks")).json() == {"items": []}


async def _until_paused(http: httpx.AsyncClient, webhook_id: str, why: str) -> None:
    deadline = time.monotonic() + PATIENCE * 8
    while (shown := await _shown(http, webhook_id))["paused_why"] != why:
        assert time.monotonic() < deadline, shown
        await asyncio.sleep(0.02)


async def test_it_leads_to_no_private_address_and_its_secret_is_sealed(
    ward: Ward, http: httpx.AsyncClient, platform: Platform
) -> None:
    hook = await _registered(http, platform, ward.station)
    await _named(ward, "内网")
    async with sending(ward, local=False):
        shown = await _until_failed(http, hook["id"], 1)
    assert (shown["failure"], platform.asked) == ("its address is not a public one", [])
    # Of the key that sealed it nothing is left: that is said, and heals with the key.
    new = new_key("new")
    actor = Actor("rotation")
    assert await rotate_keys(ward.connection, actor, Keys(f"{new},{OLD}"), lambda _: None) == 1
    await _due(ward)
    async with sending(ward):
        shown = await _until_failed(http, hook["id"], 2)
        assert "ANHU_DATA_KEYS lacks the key new" in shown["failure"]
    await _due(ward)
    async with sending(ward, new):
        await platform.until(1)
    old, said = platform.secret, (await http.post(f"/webhooks/{hook['id']}/secret")).json()
    assert said["secret"] != old
    async with signed_in(ward) as plain:
        wanted = {"organization_id": str(ward.station), "label": "x", "subjects": ["elder"]}
        refused = [
            await plain.post("/webhooks", json=wanted | {"url": url})
            for url in ("https://platform.example/x", "https://10.0.0.1/x", "http://platform.example/x")
        ]
    assert [one.status_code for one in refused] == [409, 422, 422]
    assert "ANHU_DATA_KEYS" in refused[0].json()["detail"]
