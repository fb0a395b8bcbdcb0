"""One suite for every kind of channel, over real HTTP, against receivers that were written from the specifications."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from alerts.channels import vapid
from alerts.channels.apprise_urls import AppriseUrls
from alerts.channels.connections import Connections
from alerts.channels.http import make_client, posted
from alerts.channels.port import Channel
from alerts.channels.robots import Places, Robots
from alerts.channels.web_push import WebPush
from alerts.channels.webhook import Webhook, signature
from alerts.domain.alert import Severity
from alerts.domain.delivery import Outcome
from alerts.domain.message import render
from simulators.receivers.server import Manner, Receivers

AT = datetime(2026, 11, 30, 12, 5, tzinfo=UTC)
KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)
MESSAGE = render(
    notice_id=UUID(int=1), alert_id=UUID(int=2), why="caregiver", about=None, severity=Severity.RED, drill=False,
    happened_at=AT, at=AT, url="https://anhu.example/n/abc",
)  # fmt: skip


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers(application_key=vapid.public_key(KEY)) as receivers:
        receivers.hook_secret = "a secret between two"
        yield receivers


@dataclass
class Way:
    """One kind of channel with somebody at its other end."""

    service: str
    channel: Channel
    target: Mapping[str, Any]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with make_client() as client:
        yield client


@pytest.fixture(params=["push", "hook", "sms", "voice", "robot"])
async def way(request: pytest.FixtureRequest, receivers: Receivers, client: httpx.AsyncClient) -> AsyncIterator[Way]:
    service = request.param
    for one in ("push", "hook", "sms", "voice", "robot"):
        receivers.behave(one)
    receivers.shown.clear()
    receivers.wrong.clear()
    match service:
        case "push":
            yield Way(service, WebPush(client, KEY, "mailto:anhu@example.org"), receivers.subscribe())
        case "hook":
            target = {"url": receivers.address("hook"), "secret": receivers.hook_secret}
            yield Way(service, Webhook(client), target)
        case _:
            url = receivers.address(service, "13900000000")
            if service == "robot":
                receivers.robot_secret = "SEC0123456789abcdef"
                url = f"dingtalk://{receivers.robot_secret}@abcdefabcdef0123/"
            robots = Robots(client, Places(*[receivers.url] * 3))
            channel = AppriseUrls(robots, seconds=1.0)
            yield Way(service, channel, {"url": url})
            channel.close()


async def test_it_arrives_as_it_was_sent(way: Way, receivers: Receivers) -> None:
    answer = await way.channel.send(way.target, MESSAGE)
    assert answer.outcome is Outcome.ACCEPTED, (answer, receivers.wrong)
    (shown,) = await asyncio.to_thread(receivers.until, 1, None)
    assert shown.service.startswith(way.service)
    assert shown.title.endswith(MESSAGE.title)
    assert (shown.body, shown.url) == (MESSAGE.body, MESSAGE.url)
    assert not receivers.wrong


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (500, Outcome.FAILED),
        (429, Outcome.BUSY),
        (503, Outcome.BUSY),
        (403, Outcome.REFUSED),
        (410, Outcome.GONE),
    ],
)
async def test_what_a_service_says_is_understood(way: Way, receivers: Receivers, status: int, outcome: Outcome) -> None:
    receivers.behave(way.service, Manner(status, retry_after=7 if outcome is Outcome.BUSY else None))
    answer = await way.channel.send(way.target, MESSAGE)
    assert answer.outcome is outcome, answer
    assert not receivers.shown
    # Apprise does not hand on how long a service asks one to wait.
    if outcome is Outcome.BUSY and way.service in ("push", "hook"):
        assert answer.retry_after == timedelta(seconds=7)
    # What is kept and logged of it has nothing of the target.
    told = repr(answer)
    assert not any(secret in told for secret in ("13900000000", "abcdefabcdef0123", "hook/someone", "/push/"))


async def test_a_dead_service_is_told_at_once(way: Way, client: httpx.AsyncClient, ports: Callable[[], int]) -> None:
    dead, channel = f"127.0.0.1:{ports()}", way.channel
    match way.service:
        case "push":
            target: Mapping[str, Any] = way.target | {"endpoint": f"http://{dead}/push/x"}  # type: ignore[operator]
        case "hook":
            target = way.target | {"url": f"http://{dead}/hook"}  # type: ignore[operator]
        case "robot":
            target = way.target
            channel = Robots(client, Places(*[f"http://{dead}"] * 3))
        case _:
            target = {"url": f"json://{dead}/sms"}
    begun = time.monotonic()
    answer = await channel.send(target, MESSAGE)
    assert answer.outcome is Outcome.FAILED, answer
    assert time.monotonic() - begun < 3


async def test_a_slow_service_has_a_limit(way: Way, receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    if way.service in ("push", "hook", "robot"):
        monkeypatch.setattr("alerts.channels.http.posted.__kwdefaults__", posted.__kwdefaults__ | {"seconds": 0.5})
    receivers.behave(way.service, "slow")
    begun = time.monotonic()
    answer = await way.channel.send(way.target, MESSAGE)
    assert answer.outcome is Outcome.FAILED, answer
    assert time.monotonic() - begun < 3


async def test_a_hanging_service_fills_its_own_places_alone(receivers: Receivers, client: httpx.AsyncClient) -> None:
    channel = AppriseUrls(Robots(client), seconds=0.3)
    receivers.behave("voice", "slow")
    receivers.behave("sms")
    slow = {"url": receivers.address("voice").replace("127.0.0.1", "localhost")}
    hanging = await asyncio.gather(*(channel.send(slow, MESSAGE) for _ in range(12)))
    assert [one.outcome for one in hanging].count(Outcome.BUSY) == 4
    assert (await channel.send({"url": receivers.address("sms")}, MESSAGE)).outcome is Outcome.ACCEPTED
    receivers.behave("voice")
    channel.close()


async def test_the_same_again_is_folded_where_it_arrives(receivers: Receivers, client: httpx.AsyncClient) -> None:
    receivers.behave("hook")
    receivers.shown.clear()
    message = replace(MESSAGE, key=str(UUID(int=55)))
    target = {"url": receivers.address("hook"), "secret": receivers.hook_secret}
    for _ in range(2):
        assert (await Webhook(client).send(target, message)).outcome is Outcome.ACCEPTED
    assert [one.service for one in receivers.shown] == ["hook", "hook again"]


async def test_an_old_or_changed_webhook_is_refused(receivers: Receivers, client: httpx.AsyncClient) -> None:
    receivers.behave("hook")
    body, now = b'{"key": "k"}', str(int(time.time()))
    old = str(int(time.time()) - 301)

    async def played(timestamp: str, signed: bytes) -> Outcome:
        headers = {
            "Anhu-Key": "k",
            "Anhu-Timestamp": timestamp,
            "Anhu-Signature": f"v1={signature(receivers.hook_secret, timestamp, signed)}",
        }
        return (await posted(client, receivers.address("hook"), body, headers)).outcome

    assert await played(old, body) is Outcome.REFUSED
    assert await played(now, body + b" ") is Outcome.REFUSED
    assert receivers.wrong[-2:] == [
        "hook: older than five minutes",
        "hook: the signature is not of this body, time and secret",
    ]


async def test_a_robot_that_says_no_behind_its_200_is_understood(
    receivers: Receivers, client: httpx.AsyncClient
) -> None:
    receivers.behave("robot")
    robots = Robots(client, Places(*[receivers.url] * 3))
    for manner, outcome in (("wrong words", Outcome.REFUSED), ("too often", Outcome.BUSY)):
        receivers.behave("robot", Manner(code=310000 if manner == "wrong words" else 130101))
        assert (await robots.send({"url": "dingtalk://abcdefabcdef0123/"}, MESSAGE)).outcome is outcome
    receivers.behave("robot")


async def test_a_push_for_another_browser_cannot_be_read(receivers: Receivers, client: httpx.AsyncClient) -> None:
    receivers.behave("push")
    one, other = receivers.subscribe(), receivers.subscribe()
    crossed = one | {"keys": other["keys"]}
    answer = await WebPush(client, KEY, "mailto:anhu@example.org").send(crossed, MESSAGE)
    assert answer.outcome is Outcome.REFUSED
    assert receivers.wrong[-1] == "push: it cannot be decrypted with this browser's keys"


async def test_a_browser_without_keys_is_refused(client: httpx.AsyncClient) -> None:
    push = WebPush(client, KEY, "mailto:anhu@example.org")
    for keys in ({}, {"p256dh": "AAAA", "auth": "AAAA"}):
        answer = await push.send({"endpoint": "https://push.example/x", "keys": keys}, MESSAGE)
        assert answer.outcome is Outcome.REFUSED


async def test_apprise_says_when_it_cannot_read_an_address(client: httpx.AsyncClient) -> None:
    channel = AppriseUrls(Robots(client))
    assert (await channel.send({"url": "tgram://none"}, MESSAGE)).outcome is Outcome.REFUSED
    channel.close()


async def test_connections_are_kept_for_the_next_and_one_that_hangs_is_not(receivers: Receivers) -> None:
    receivers.behave("push")
    push = receivers.subscribe()
    connections = Connections()
    async with httpx.AsyncClient(transport=connections) as client:
        way = WebPush(client, KEY, "mailto:anhu@example.org")
        for _ in range(2):
            answers = await asyncio.gather(*(way.send(push, MESSAGE) for _ in range(6)))
            assert {one.outcome for one in answers} == {Outcome.ACCEPTED}
            assert connections.kept == 6
        receivers.behave("push", "slow")
        hung = await posted(client, push["endpoint"], b"", {}, seconds=0.1)
        assert hung.outcome is Outcome.FAILED
        assert connections.kept == 5
        receivers.behave("push")
        assert (await way.send(push, MESSAGE)).outcome is Outcome.ACCEPTED
        assert connections.kept == 5
    assert connections.kept == 0
