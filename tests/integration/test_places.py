"""Fences, stillness and beds on a real database: from the reading, the event or the clock to the alert."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import AsyncConnection

from alerts.domain.rules.fence import BEIJING
from alerts.domain.rules.stillness import moments, pauses
from alerts.due import mark_due
from alerts.learn_habits import learn_next_habit
from alerts.living_samples import living_samples
from alerts.samples import devices_of, samples_of
from alerts.take_in import take_in_next
from gateway.event_lane import EventLane
from gateway.message import Message
from services.api.app import make_app
from services.registry.passwords import hash_password
from services.runtime.settings import Settings
from tests.parts.ward import Nobody, Ward

HOME = {"lat": 29.7070, "lon": 105.7220}  # somewhere, nobody's door
FENCE = {"name": "家附近", "keep": "keep_in", "shape": {"kind": "circle", "centre": HOME, "radius": 300}}
BOW_TIE = [{"lat": 29.7 + a, "lon": 105.7 + b} for a, b in ((0, 0), (0.01, 0.01), (0, 0.01), (0.01, 0))]
WANDERING = {
    "key": "wandering",
    "title": "离开安全范围",
    "severity": "yellow",
    "condition": {"kind": "fence", "fixes": 3},
    "lasting_seconds": 300,
    "clear_after_seconds": 300,
    "gap_seconds": 3600,
    "severity_when": [{"scope": {"care_categories": ["认知障碍"]}, "severity": "orange"}],
}
STILL = {
    "key": "stillness",
    "title": "长时间没有活动",
    "severity": "orange",
    "condition": {"kind": "stillness", "factor": 1.5, "least_seconds": 3600, "least_days": 14},
    "gap_seconds": 3600,
}
NOW = datetime.now(BEIJING)
BED = {
    "key": "out_of_bed",
    "title": "夜间离床未回",
    "severity": "orange",
    # Whatever the time of the test is: it is the middle of the night, whose last hours have rules of their own.
    "condition": {
        "kind": "out_of_bed",
        "night": {"from": f"{NOW - timedelta(hours=6):%H:%M}", "to": f"{NOW + timedelta(hours=6):%H:%M}"},
    },
    "lasting_seconds": 1800,
}
_numbers = count(1)
_HASHED = hash_password("a long password")


class Places(Ward):
    """A ward with fences over HTTP, and events."""

    http: httpx.AsyncClient
    tokens: dict[str, dict[str, str]]

    def event(self, kind: str, minute: float, device_id: str = "bed-1") -> None:
        body = {"event_id": f"e{next(_numbers)}", "type": kind, "ts": self.at(minute).isoformat()}
        message = Message(
            f"anhu/v1/{device_id}/up/events", json.dumps(body).encode(), datetime.now(UTC), Nobody(), 0, 0
        )
        EventLane(self.url).store(self.sync, [message])

    async def taken_in(self) -> None:
        while taken := await take_in_next(self.connection):
            assert taken is True, taken

    async def swept(self, minute: float) -> None:
        """A look that nobody's reading asked for, at what came since then."""
        since = self.at(minute)
        await self.connection.execute("INSERT INTO rule_checks (elder_id, since) VALUES (%s, %s)", (self.elder, since))
        await self.looked()

    def walks(self, minutes: Sequence[float], north: float, accuracy: float = 20) -> None:
        """Fixes so many metres north of home."""
        place = {"lat": HOME["lat"] + north / 111_195, "lon": HOME["lon"], "accuracy": accuracy}
        self.measured(minutes, location=place)

    async def token(self, username: str) -> dict[str, str]:
        if username in self.tokens:
            return self.tokens[username]
        answer = await self.http.post("/api/v1/token", data={"username": username, "password": "a long password"})
        self.tokens[username] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return self.tokens[username]

    @property
    def fences(self) -> str:
        return f"/api/v1/elders/{self.elder}/fences"

    async def draws(self, expected: int = 201, **changes: Any) -> dict[str, Any]:
        body = {"fence": FENCE, "reason": "家属要求"} | changes
        answer = await self.http.post(self.fences, json=body, headers=await self.token("admin"))
        assert answer.status_code == expected, answer.text
        await self.compiled()
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
async def ward(database_url: str) -> AsyncIterator[Places]:
    settings = Settings(database_url=database_url, secret_key="only for this test, invented and long enough")
    app = make_app(settings)
    async with AsyncExitStack() as opened:
        connection = await opened.enter_async_context(await AsyncConnection.connect(database_url, autocommit=True))
        sync = opened.enter_context(psycopg.connect(database_url, autocommit=True))
        ward = await Places(database_url, connection, sync).settle_in()
        ward.tokens = {}
        hashed = _HASHED
        await ward.connection.execute("UPDATE accounts SET password_hash = %s", (hashed,))
        for username, role in (("admin2", "administrator"), ("operator", "operator")):
            await ward.connection.execute(
                "INSERT INTO accounts (id, username, password_hash, name, role)"
                " VALUES (gen_random_uuid(), %s, %s, '王某（虚构）', %s)",
                (username, hashed, role),
            )
        await ward.connection.execute("INSERT INTO account_organizations SELECT id, %s FROM accounts", (ward.station,))
        await ward.connection.execute(
            "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES ('bed-1', 'bed_sensor', %s, %s)",
            (ward.station, ward.elder),
        )
        await app.state.pool.open()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://anhu") as ward.http:
            yield ward
        await app.state.pool.close()


async def test_somebody_walks_off_and_a_person_of_the_family_comes_home(ward: Places) -> None:
    await ward.has_rule(WANDERING)
    await ward.connection.execute("UPDATE elders SET care_categories = '{认知障碍}'")
    await ward.draws()
    ward.walks([0, 2, 4], north=10)
    assert await ward.rows("SELECT * FROM rule_checks WHERE since < clock_timestamp() - interval '1 hour'") == []
    ward.walks([6, 9, 18], north=750)
    await ward.looked()
    [alert] = await ward.alerts()
    assert (alert["type"], alert["severity"], alert["device_id"]) == ("rule.wandering", "orange", "wb-1")
    assert alert["sentence"].startswith("离开 家附近（300 米）已 12 分钟，距边界约 450 米，定位误差 20 米")
    assert alert["occurred_at"] == ward.at(18)
    assert alert["evidence"]["lat"] == pytest.approx(29.71374, abs=1e-4)
    assert alert["lat"] is not None
    await ward.compiled()
    ward.walks([20, 26], north=5)
    await ward.looked()
    [episode] = await ward.episodes()
    assert (episode["cleared_at"], episode["ended"]) == (ward.at(26), "clear")
    assert await ward.timeline(alert["id"]) == ["raised", "recovered"]
    await ward.close(alert["id"])
    told = await ward.http.get(f"/api/v1/alerts/{alert['id']}", headers=await ward.token("operator"))
    assert (told.json()["location"], told.json()["rule"]["evidence"], told.json()["rule"]["sentence"]) == (None,) * 3
    assert str(alert["lat"]) not in told.text, "where somebody was is nowhere in a closed alert"


async def test_jitter_and_late_fixes_raise_nothing_and_a_changed_fence_ends_what_it_raised(ward: Places) -> None:
    await ward.has_rule(WANDERING)
    fence = await ward.draws()
    ward.walks(range(0, 20, 2), north=320)
    ward.walks([21], north=900)
    await ward.looked()
    assert await ward.alerts() == []
    ward.walks([27, 25, 25, 23], north=900)
    await ward.looked()
    assert len(await ward.alerts()) == 1
    wider = FENCE | {"shape": {"kind": "circle", "centre": HOME, "radius": 2000}}
    change = {"fence": wider, "reason": "他每天去公园", "version": 1}
    answer = await ward.http.put(f"{ward.fences}/{fence['id']}", json=change, headers=await ward.token("admin2"))
    assert answer.status_code == 200, answer.text
    assert [(one["version"], one["changed_by"]["name"], one["reason"]) for one in answer.json()["versions"]] == [
        (2, "王某（虚构）", "他每天去公园"),
        (1, "李某（虚构）", "家属要求"),
    ]
    await ward.compiled()
    await ward.looked()
    [episode] = await ward.episodes()
    assert episode["ended"] == "answered"
    ward.walks([40, 42, 44], north=900)
    await ward.looked()
    assert len(await ward.episodes()) == 1


async def test_what_is_wrong_with_a_fence_is_told(ward: Places) -> None:
    told = await ward.draws(422, fence=FENCE | {"shape": {"kind": "polygon", "points": BOW_TIE}})
    assert told["title"] == "Not a fence"
    assert told["flaws"] == [
        {
            "where": "shape.points",
            "what": "多边形的边相交或重叠：第 1 到第 2 个顶点的边与第 3 到第 4 个顶点的边，请按顺序沿边界重新画点",
        }
    ]
    assert await ward.rows("SELECT * FROM elder_fences") == []


async def test_a_fence_from_a_chinese_map_and_who_may_see_and_change_it(ward: Places) -> None:
    drawn = await ward.draws(datum="gcj02")
    centre = drawn["definition"]["shape"]["centre"]
    assert 0.001 < abs(centre["lon"] - HOME["lon"]) < 0.01, "some 400 m, as GCJ-02 lies off"
    operator = await ward.token("operator")
    seen = (await ward.http.get(ward.fences, headers=operator)).json()
    assert (seen["withheld"], seen["items"][0]["definition"], seen["items"][0]["name"]) == (True, None, "家附近")
    refused = await ward.http.post(ward.fences, json={"fence": FENCE, "reason": "x"}, headers=operator)
    assert refused.status_code == 403
    admin = await ward.token("admin")
    own = f"{ward.fences}/{drawn['id']}"
    stale = await ward.http.put(own, json={"fence": FENCE, "reason": "x", "version": 7}, headers=admin)
    assert (stale.status_code, stale.json()["version"]) == (409, 1)
    gone = await ward.http.delete(own, params={"version": 1, "reason": "搬家了"}, headers=admin)
    assert gone.status_code == 204
    assert (await ward.http.get(own, headers=admin)).status_code == 404
    kept = await ward.rows(
        "SELECT version, definition IS NULL AS gone, reason FROM elder_fence_versions ORDER BY version"
    )
    assert [(one["version"], one["gone"], one["reason"]) for one in kept] == [
        (1, False, "家属要求"),
        (2, True, "搬家了"),
    ]
    looks = await ward.rows("SELECT what FROM access_log")
    assert {one["what"] for one in looks} == {"fences"}
    other = f"/api/v1/elders/{ward.city}/fences"
    assert (await ward.http.get(other, headers=admin)).status_code == 404


async def test_out_of_bed_is_told_by_the_clock_alone_and_by_a_look_once(ward: Places) -> None:
    await ward.has_rule(BED)
    now = (datetime.now(UTC) - ward.start).total_seconds() / 60
    ward.event("bed_in", now - 120)
    ward.event("bed_out", now - 20)
    await ward.taken_in()
    await ward.looked()
    assert await ward.alerts() == [], "twenty minutes are not thirty"
    [due] = await ward.rows("SELECT due_at FROM elder_looks")
    assert due["due_at"] == ward.at(now - 20) + timedelta(minutes=30)
    assert await mark_due(ward.connection) == 0
    # As if it were a quarter of an hour later.
    await ward.connection.execute("UPDATE events SET occurred_at = occurred_at - interval '15 minutes'")
    await ward.connection.execute("UPDATE elder_looks SET due_at = due_at - interval '15 minutes'")
    assert await mark_due(ward.connection) == 1
    await ward.looked()
    [alert] = await ward.alerts()
    assert (alert["type"], alert["severity"], alert["device_id"]) == ("rule.out_of_bed", "orange", "bed-1")
    assert "离床，已 30 分钟未回" in alert["sentence"]
    ward.event("bed_in", now - 1)
    await ward.taken_in()
    await ward.looked()
    assert await ward.timeline(alert["id"]) == ["raised", "recovered"]
    assert len(await ward.alerts()) == 1


async def test_nothing_that_is_new_can_matter_before_a_look_is_due_and_what_is_late_can(ward: Places) -> None:
    await ward.has_rule(BED)
    now = (datetime.now(UTC) - ward.start).total_seconds() / 60
    ward.event("bed_in", now - 90)
    await ward.taken_in()
    await ward.looked()
    looked = "SELECT due_at, looked_at FROM elder_looks"
    [first] = await ward.rows(looked)
    assert first["due_at"] - first["looked_at"] == timedelta(minutes=30), "who leaves now is told half an hour later"
    ward.event("bed_out", now + 0.1)
    await ward.taken_in()
    await ward.swept(now + 0.1)
    assert await ward.rows(looked) == [first]
    ward.event("bed_out", now - 60)
    ward.event("bed_in", now - 10)
    await ward.taken_in()
    await ward.looked()
    [alert] = await ward.alerts()
    assert alert["occurred_at"] == ward.at(now - 30)
    assert await ward.timeline(alert["id"]) == ["raised", "recovered"]
    [second] = await ward.rows(looked)
    assert second["looked_at"] > first["looked_at"]


async def test_stillness_against_a_habit_that_was_learned(ward: Places) -> None:
    await ward.has_rule(STILL)
    # Three weeks of a step each half hour, day and night, before the ward's six hours.
    walked = [{"ts": ward.at(-30 * one).isoformat(), "steps": 4000 - one, "worn": True} for one in range(1, 21 * 48)]
    for first in range(0, len(walked), 400):
        ward.sent(walked[first : first + 400])
    await ward.connection.execute("UPDATE device_states SET last_seen_at = clock_timestamp()")
    assert await learn_next_habit(ward.connection)
    assert not await learn_next_habit(ward.connection)
    [habit] = await ward.rows("SELECT pauses, days FROM elder_habits")
    assert (habit["days"], set(habit["pauses"])) == (pytest.approx(22, abs=1), {30.0})
    await ward.connection.execute("DELETE FROM rule_checks")
    ward.measured([0], steps=4100, worn=True)
    ward.measured(range(10, 60, 10), steps=4100, worn=True)
    await ward.swept(60)
    assert await ward.alerts() == []
    ward.measured(range(60, 90, 10), steps=4100, worn=True)
    await ward.swept(60)
    [alert] = await ward.alerts()
    assert (alert["type"], alert["occurred_at"]) == ("rule.stillness", ward.at(60)), "an hour at least"
    assert "起没有活动 1 小时，平时这个时段最长 30 分钟" in alert["sentence"]
    ward.event("door_open", 95, "wb-1")
    await ward.taken_in()
    await ward.looked()
    [episode] = await ward.episodes()
    assert (episode["cleared_at"], episode["ended"]) == (ward.at(95), "clear")


async def test_thinning_out_loses_no_sign_and_no_silence(ward: Places) -> None:
    """What a look sees of a day, and what it would see of all readings."""
    counts = [100] * 60 + [101] * 40 + [101] * 90 + [0] * 30 + [5] * 80
    readings = [
        {"ts": ward.at(minute).isoformat(), "steps": steps, "worn": True}
        for minute, steps in enumerate(counts)
        if not 100 <= minute < 165
    ]
    ward.sent(readings)
    devices = await devices_of(ward.connection, ward.elder)
    day = [(ward.at(-1), ward.at(400))]
    thin = (await living_samples(ward.connection, ward.elder, devices, day)).all
    whole = (await samples_of(ward.connection, devices, day)).all
    assert len(thin) < len(whole) / 4
    hour, until = timedelta(hours=1), ward.at(400)
    assert list(pauses(moments(thin, until), hour, [], None)) == list(pauses(moments(whole, until), hour, [], None))
