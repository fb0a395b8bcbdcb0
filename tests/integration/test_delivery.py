"""From a row of `notices` to what people see: a real database, real HTTP, nothing else."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor, Severity
from alerts.domain.transitions import Acknowledge, Dispatch, Resolve
from alerts.move import move_alert
from services.registry import links
from services.registry.sealing import Keys
from services.registry.telephones import sealed
from simulators.receivers.server import Receivers
from tests.parts.people import BRISK, PUBLIC_URL, SECRET_KEY, Family, family_at
from tests.parts.system import DATA_KEYS


@pytest.fixture(scope="module")
def _receivers() -> Iterator[Receivers]:
    with Receivers() as receivers:
        yield receivers


@pytest.fixture
def receivers(_receivers: Receivers) -> Receivers:
    _receivers.shown.clear()
    _receivers.wrong.clear()
    for service in ("push", "sms", "voice", "robot", "hook"):
        _receivers.behave(service)
    return _receivers


@pytest.fixture
async def family(database_url: str) -> AsyncIterator[Family]:
    async with family_at(database_url) as family:
        yield family


async def test_what_fails_is_followed_by_the_next_at_once(family: Family, receivers: Receivers) -> None:
    receivers.behave("push", "failing")
    daughter = await family.has_caregiver(
        "女儿（虚构）", receivers.subscribe(), receivers.address("sms", "13900000001")
    )
    async with family.delivered() as delivery:
        await family.raises(daughter)
        (sms,) = await asyncio.to_thread(receivers.until, 1, "sms")
        assert (sms.title, sms.recipient) == ("紧急救援", "13900000001")
        assert sms.body.startswith("您关注的老人需要帮助，点开查看")
        # The link proves whom it was sent to, and says nothing of anybody.
        assert sms.url.startswith(f"{PUBLIC_URL}/n/")
        notice = links.read(SECRET_KEY, sms.url.rpartition("/")[2])
        assert [{"id": notice}] == await family.rows("SELECT id FROM notices")
        await family.run("UPDATE notices SET opened_at = now(), next_at = now()")
        await family.until("SELECT FROM notices WHERE ended = 'opened'")
        assert await family.attempts() == [("web_push 0", "failed"), ("apprise 1", "accepted")]
        assert delivery.counters["sent"] == 1
    (push,) = await family.rows("SELECT * FROM channels WHERE kind = 'web_push'")
    assert push["failure"] == "HTTP 500"
    assert push["gone_at"] is None


async def test_a_service_that_says_yes_and_shows_nothing_is_followed_too(family: Family, receivers: Receivers) -> None:
    receivers.behave("push", "mute")
    son = await family.has_caregiver("儿子（虚构）", receivers.subscribe(), receivers.address("voice", "13900000002"))
    async with family.delivered():
        alert = await family.raises(son)
        await asyncio.to_thread(receivers.until, 1, "voice")
        attempts = await family.rows("SELECT * FROM delivery_attempts ORDER BY started_at")
        waited = attempts[1]["started_at"] - attempts[0]["ended_at"]
        assert timedelta(seconds=0.45) <= waited < timedelta(seconds=3)
        # Nobody opened the second either: the station is told, on the alert.
        (said,) = await family.until("SELECT * FROM alert_timeline WHERE kind = 'unreached'")
        assert said["alert_id"] == alert.id
        assert said["body"]["end"] == "unopened"
        assert said["body"]["tried"] == ["web_push 0", "apprise 1"]


async def test_who_acts_on_the_alert_is_not_told_by_another_channel(family: Family, receivers: Receivers) -> None:
    receivers.behave("push", "mute")
    duty = await family.has_caregiver("值班（虚构）", receivers.subscribe(), receivers.address("hook", "voice"))
    async with family.delivered():
        alert = await family.raises(duty, why="duty")
        await family.until("SELECT FROM delivery_attempts WHERE outcome = 'accepted'")
        await move_alert(family.connection, alert.id, Acknowledge(), Actor(duty, "值班（虚构）"))
        await family.until("SELECT FROM notices WHERE ended = 'opened'")
        assert await family.attempts() == [("web_push 0", "accepted")]


async def test_when_all_fail_the_station_is_told(family: Family, receivers: Receivers) -> None:
    for service, manner in (("push", "gone"), ("sms", "busy"), ("hook", "refusing")):
        receivers.behave(service, manner)
    given = (receivers.subscribe(), receivers.address("sms"), receivers.address("hook"))
    nobody, mute = await family.has_caregiver("侄女（虚构）", *given), await family.has_caregiver("邻居（虚构）")
    async with family.delivered() as delivery:
        alert = await family.raises(nobody, mute)
        said = await family.until(
            "SELECT body ->> 'name' AS name, body ->> 'end' AS end FROM alert_timeline WHERE kind = 'unreached'"
            " AND (SELECT count(*) = 2 FROM alert_timeline WHERE kind = 'unreached') ORDER BY 2"
        )
        assert [(one["name"], one["end"]) for one in said] == [
            ("邻居（虚构）", "no_channel"),
            ("侄女（虚构）", "unreached"),
        ]
        # Once for each channel that is gone or refuses; three times for the one that may take it yet.
        assert sorted(await family.attempts()) == [
            ("apprise 1", "busy"),
            ("apprise 1", "busy"),
            ("apprise 1", "busy"),
            ("web_push 0", "gone"),
            ("webhook 2", "refused"),
        ]
        frames = await family.rows("SELECT alert ->> 'version' AS version FROM station_feed ORDER BY seq")
        told = "whom nothing reached is a frame for the screens; who has no channel is known without one"
        assert [one["version"] for one in frames] == ["1", "2"], told
        (row,) = await family.rows("SELECT unreached, family_safe FROM alerts WHERE id = %s", alert.id)
        assert row == {"unreached": 1, "family_safe": False}, "what the list shows beside the state"
        assert (delivery.counters["unreached"], delivery.counters["no_channel"]) == (1, 1)
        async with asyncio.timeout(10):
            while delivery.status()["unreached_last_hour"] != 1:
                await asyncio.sleep(0.05)
        assert not delivery.status()["ok"]
        # What is gone is not asked again, for another alert either.
        await family.moves(alert, Acknowledge())
        asked = receivers.requests["push"]
        await family.raises(nobody)
        await family.until("SELECT FROM notices WHERE ended = 'unreached' OFFSET 1")
        assert receivers.requests["push"] == asked


async def test_a_slow_service_delays_nobody_else(family: Family, receivers: Receivers) -> None:
    receivers.behave("hook/slow", "slow")
    slow = [
        await family.has_caregiver(f"慢 {n}（虚构）", receivers.address("hook", "slow") + f"?{n}") for n in range(20)
    ]
    quick = await family.has_caregiver("快（虚构）", receivers.subscribe())
    async with family.delivered():
        alert = await family.raises(*slow)
        await family.until("SELECT FROM delivery_attempts OFFSET 19")
        await family.raises(quick)
        (shown,) = await asyncio.to_thread(receivers.until, 1, "push", 3)
        notice = links.read(SECRET_KEY, shown.url.rpartition("/")[2])
        (asked,) = await family.rows("SELECT asked_at FROM notices WHERE id = %s", notice)
        assert shown.at - asked["asked_at"].timestamp() < 2
        assert alert is not None


async def test_who_was_told_is_told_on_by_the_channel_that_worked(family: Family, receivers: Receivers) -> None:
    receivers.behave("push", "failing")
    receivers.behave("sms/13900000004", "mute")
    daughter = await family.has_caregiver(
        "女儿（虚构）", receivers.subscribe(), receivers.address("sms", "13900000003"), receivers.address("voice")
    )
    unheard = await family.has_caregiver("未同意（虚构）")
    async with family.delivered():
        alert = await family.raises(daughter, unheard, drill=True)
        (first,) = await asyncio.to_thread(receivers.until, 1, "sms")
        await family.run("UPDATE notices SET opened_at = now(), next_at = now() WHERE account_id = %s", daughter)
        receivers.behave("push")
        alert = await family.moves(alert, Acknowledge())
        alert = await family.moves(alert, Dispatch("赵某（虚构）"))
        await asyncio.to_thread(receivers.until, 2, "sms")
        await family.moves(alert, Resolve("assisted"))
        told = await asyncio.to_thread(receivers.until, 3, "sms")
        assert [one.title for one in told] == ["【演练】紧急救援", "【演练】已派人", "【演练】已处置"]
        assert all(one.body.startswith("演练，不是真实告警：") for one in told)
        assert {one.raw.get("version") for one in told} == {first.raw.get("version")}
        rows = await family.until(
            "SELECT ended, count(*) FROM notices WHERE why = 'update' GROUP BY 1"
            " HAVING (SELECT count(*) FROM notices WHERE why = 'update' AND ended IS NULL) = 0 ORDER BY 1"
        )
        # Whom nothing had reached is not told how it went on.
        assert [(row["ended"], row["count"]) for row in rows] == [("accepted", 2), ("untold", 2)]
        assert not [one for one in receivers.shown if one.service in ("push", "voice")]


async def test_nobody_is_told_what_the_elder_did_not_consent_to(database_url: str, receivers: Receivers) -> None:
    async with family_at(database_url, consents=False) as family:
        caregiver = await family.has_caregiver("女儿（虚构）", receivers.subscribe())
        async with family.delivered():
            await family.raises(caregiver)
            await family.until("SELECT FROM notices WHERE ended = 'no_consent'")
            await family.consents()
            await family.raises(caregiver)
            await asyncio.to_thread(receivers.until, 1, "push")


async def test_what_a_dead_process_left_is_sent_by_the_next(family: Family, receivers: Receivers) -> None:
    caregiver = await family.has_caregiver("女儿（虚构）", receivers.subscribe())
    await family.raises(caregiver)
    # As one leaves it that was killed between the commit and the send: the claim is over in a moment.
    await family.run(
        "INSERT INTO delivery_attempts (id, notice_id, channel_id, kind, label, started_at)"
        " SELECT %s, n.id, c.id, c.kind, c.label, clock_timestamp() - interval '1.5 seconds'"
        " FROM notices n, channels c",
        uuid7(),
    )
    await family.run("UPDATE notices SET next_at = clock_timestamp() + interval '0.5 seconds'")
    async with family.delivered(replace(BRISK, lease=timedelta(seconds=2))):
        await asyncio.to_thread(receivers.until, 1, "push")
        await family.until("SELECT FROM delivery_attempts WHERE outcome = 'accepted'")
        assert await family.attempts() == [("web_push 0", None), ("web_push 0", "accepted")]


async def test_two_processes_send_each_notice_once(family: Family, receivers: Receivers) -> None:
    people = [await family.has_caregiver(f"家属 {n}（虚构）", receivers.subscribe()) for n in range(20)]
    async with family.delivered(), family.delivered():
        for _ in range(3):
            await family.raises(*people, severity=Severity.BLUE)
        shown = await asyncio.to_thread(receivers.until, 60, "push", 30)
        await family.until("SELECT WHERE NOT EXISTS (SELECT FROM notices WHERE ended IS NULL)")
    assert len({one.raw["key"] for one in shown}) == len(shown) == 60
    assert not receivers.wrong


async def test_a_person_is_told_once_at_a_time_of_one_alert(family: Family, receivers: Receivers) -> None:
    receivers.behave("push", "mute")
    caregiver = await family.has_caregiver("女儿（虚构）", receivers.subscribe())
    alert = await family.raises(caregiver, severity=Severity.ORANGE)
    await family.run(
        "INSERT INTO notices (id, alert_id, account_id, key, why, severity, asked_at)"
        " VALUES (%s, %s, %s, 'again', 'named', 'orange', clock_timestamp())",
        *(uuid7(), alert.id, caregiver),
    )
    async with family.delivered():
        await family.until("SELECT FROM notices WHERE why = 'named' AND ended = 'folded'")
        assert len(await family.attempts()) <= 1


async def test_addresses_of_our_own_are_not_connected_to(receivers: Receivers) -> None:
    program = (
        "import asyncio\n"
        "from alerts.channels.addresses import forbid_private\n"
        "from alerts.channels.http import make_client, posted\n"
        "forbid_private()\n"
        "async def main():\n"
        "    async with make_client() as client:\n"
        "        for host in ('127.0.0.1', 'localhost'):\n"
        f"            url = f'http://{{host}}:{receivers.url.rpartition(':')[2]}/hook/x'\n"
        "            print((await posted(client, url, b'{}', {})).outcome)\n"
        "    import requests\n"
        "    try:\n"
        f"        requests.post('{receivers.url}/sms/x', timeout=3)\n"
        "    except OSError as error:\n"
        "        print(type(error).__name__)\n"
        "asyncio.run(main())\n"
    )
    asked = dict(receivers.requests)
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.split() == ["refused", "refused", "ConnectionError"], ran
    assert receivers.requests == asked


async def test_who_is_known_by_a_telephone_alone_is_told_by_the_gateways(family: Family, receivers: Receivers) -> None:
    """Responders sign in nowhere, so they have no channels of their own: the deployment's gateways reach them."""
    gateway = receivers.address("sms", "{to}")
    urls = {"sms_url": SecretStr(gateway), "voice_url": SecretStr(gateway.replace("/sms/", "/voice/"))}
    urls["data_keys"] = SecretStr(DATA_KEYS)  # numbers are sealed at rest
    family.settings = family.settings.model_copy(update=urls)
    neighbour, other = await family.has_caregiver("邻居（虚构）"), await family.has_caregiver("没有电话（虚构）")
    await family.run("UPDATE accounts SET role = 'responder' WHERE id = %s", neighbour)
    await family.run(
        "INSERT INTO responders (account_id, organization_id, kind, skills, hours, phone)"
        " VALUES (%s, %s, 'neighbour', '{}', '[]', %s)",
        *(neighbour, family.station, sealed(Keys(DATA_KEYS), "139-0000 0001")),
    )
    receivers.behave("sms", "failing")
    async with family.delivered() as delivery:
        alert = await family.raises(neighbour, other, why="responder")
        (call,) = await asyncio.to_thread(receivers.until, 1, "voice")
        assert (call.recipient, call.title) == ("13900000001", "紧急救援")
        assert call.body.startswith("附近有老人需要帮助，您能去吗")
        await family.run("UPDATE notices SET opened_at = now(), next_at = now() WHERE account_id = %s", neighbour)
        await family.until("SELECT FROM notices WHERE ended = 'opened'")
        assert await family.attempts() == [("短信", "failed"), ("电话", "accepted")]
        # Who has neither is said to have no channel, as ever.
        await family.until("SELECT FROM notices WHERE ended = 'no_channel' AND account_id = %s", other)
        assert delivery.counters["failed"] == 1
    assert alert.unresolved
