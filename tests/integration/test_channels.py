"""One suite for every kind of channel, over real HTTP, against receivers that were written from the specifications."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from alerts.channels import vapid
from alerts.channels.apprise_urls import AppriseUrls
from alerts.channels.connections import Connections
from alerts.channels.gateways import Gateways
from alerts.channels.http import make_client, posted
from alerts.channels.port import Channel
from alerts.channels.robots import Places, Robots
from alerts.channels.targets import read_target
from alerts.channels.web_push import WebPush
from alerts.channels.webhook import Webhook, signature
from alerts.domain.alert import Severity
from alerts.domain.delivery import Outcome
from alerts.domain.message import render
from simulators.receivers.mail import MailServer
from simulators.receivers.robots import TOO_MANY
from simulators.receivers.server import Manner, Receivers
from tests.parts.waiting import PATIENCE

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


SECRET, TOKEN = "SEC0123456789abcdef", "abcdefabcdef0123"
#: Each robot's address, and what its maker refuses by a code: too many, and something else.
ROBOTS = {
    "robot": (f"dingtalk://{TOKEN}/", 130101, 310000),
    "feishu": (f"feishu://{TOKEN}/", 11232, 19024),
    "wecom": (f"wecombot://{TOKEN}/", 45009, 93000),
}


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
                receivers.robots.secrets["robot"] = SECRET
                url = f"dingtalk://{SECRET}@{TOKEN}/"
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
    assert time.monotonic() - begun < 3 * PATIENCE


async def test_a_slow_service_has_a_limit(way: Way, receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    if way.service in ("push", "hook", "robot"):
        monkeypatch.setattr("alerts.channels.http.posted.__kwdefaults__", posted.__kwdefaults__ | {"seconds": 0.5})
    receivers.behave(way.service, "slow")
    begun = time.monotonic()
    answer = await way.channel.send(way.target, MESSAGE)
    assert answer.outcome is Outcome.FAILED, answer
    assert time.monotonic() - begun < 3 * PATIENCE


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


@pytest.fixture
def robots(receivers: Receivers, client: httpx.AsyncClient) -> Iterator[Robots]:
    kept = receivers.robots
    receivers.robots = type(kept)()
    for one in ROBOTS:
        receivers.behave(one)
    receivers.shown.clear()
    receivers.wrong.clear()
    yield Robots(client, Places(*[receivers.url] * 3))
    receivers.robots = kept
    for one in ROBOTS:
        receivers.behave(one)


@pytest.mark.parametrize("kind", ROBOTS)
async def test_each_robot_is_spoken_to_by_its_makers_rules(kind: str, receivers: Receivers, robots: Robots) -> None:
    url, often, otherwise = ROBOTS[kind]
    assert (await robots.send({"url": url}, MESSAGE)).outcome is Outcome.ACCEPTED, receivers.wrong
    (shown,) = receivers.shown
    assert (shown.service, shown.title, shown.body, shown.url) == (kind, MESSAGE.title, MESSAGE.body, MESSAGE.url)
    # What is refused behind a 200 is no yes; what is too much for now may pass, and the next channel is used meanwhile.
    for code, outcome in ((often, Outcome.BUSY), (otherwise, Outcome.REFUSED)):
        receivers.behave(kind, Manner(code=code))
        answer = await robots.send({"url": url}, MESSAGE)
        assert (answer.outcome, answer.detail) == (outcome, f"code {code}")
    receivers.behave(kind, Manner(502))
    assert (await robots.send({"url": url}, MESSAGE)).outcome is Outcome.FAILED
    receivers.behave(kind, Manner(429, retry_after=7))
    assert (await robots.send({"url": url}, MESSAGE)).retry_after == timedelta(seconds=7)
    assert not receivers.wrong


@pytest.mark.parametrize(
    ("kind", "scheme", "wrong"),
    [("robot", "dingtalk", "sign not match"), ("feishu", "feishu", "sign match fail or timestamp is not within")],
)
async def test_robots_that_want_a_signature(
    kind: str, scheme: str, wrong: str, receivers: Receivers, robots: Robots, monkeypatch: pytest.MonkeyPatch
) -> None:
    receivers.robots.secrets[kind] = SECRET
    signed = {"url": f"{scheme}://{SECRET}@{TOKEN}/"}
    assert (await robots.send(signed, MESSAGE)).outcome is Outcome.ACCEPTED, receivers.wrong
    for other in (f"{scheme}://{TOKEN}/", f"{scheme}://SECother@{TOKEN}/"):
        assert (await robots.send({"url": other}, MESSAGE)).outcome is Outcome.REFUSED
    behind = SimpleNamespace(time=lambda: time.time() - 3700)
    monkeypatch.setattr("alerts.channels.robots.time", behind)
    assert (await robots.send(signed, MESSAGE)).outcome is Outcome.REFUSED, "a clock that is an hour behind"
    assert len(receivers.wrong) == 3
    assert all(one.startswith(f"{kind}: {wrong}") for one in receivers.wrong)


async def test_what_robots_have_of_their_own(receivers: Receivers, robots: Robots) -> None:
    feishu, wecom = ({"url": ROBOTS[kind][0]} for kind in ("feishu", "wecom"))
    # 飞书 says by one code, and by a 400, that something is wrong and that there are too many.
    for words, outcome in (("too many request", Outcome.BUSY), ("Bad Request", Outcome.REFUSED)):
        for status in (200, 400):
            receivers.behave("feishu", Manner(status, code=9499, words=words))
            assert (await robots.send(feishu, MESSAGE)).outcome is outcome
    receivers.behave("feishu", Manner(400, code=99991400, words="request trigger frequency limit"))
    assert (await robots.send(feishu, MESSAGE)).outcome is Outcome.BUSY
    receivers.behave("feishu")
    # Keywords: each message has one that can be set (docs/reaching-people.md).
    receivers.robots.keywords["feishu"] = ["点开查看"]
    assert (await robots.send(feishu, MESSAGE)).outcome is Outcome.ACCEPTED
    receivers.robots.keywords["feishu"] = ["周报"]
    assert (await robots.send(feishu, MESSAGE)).detail == "code 19024"
    receivers.robots.keywords.clear()
    # What is too long for one, and a robot that is no more.
    assert (await robots.send(wecom, replace(MESSAGE, body="长" * 700))).detail == "code 40058"
    assert (await robots.send({"url": "wecombot://x/"}, MESSAGE)).detail == "code 93000"
    # More than it may in a minute: the twenty-first is told so, and has not arrived.
    receivers.robots.limited = True
    receivers.shown.clear()
    answers = [await robots.send({"url": f"wecombot://{TOKEN}-2/"}, MESSAGE) for _ in range(21)]
    assert [one.outcome for one in answers] == [Outcome.ACCEPTED] * 20 + [Outcome.BUSY]
    assert len(receivers.shown) == 20
    assert receivers.wrong[-1] == f"wecom: {TOO_MANY['wecom'][1]}"


@pytest.mark.parametrize("service", ["bark", "ntfy", "smseagle"])
async def test_services_of_apprise_at_their_own_addresses(
    service: str, receivers: Receivers, client: httpx.AsyncClient
) -> None:
    receivers.shown.clear()
    receivers.behave(service)
    channel = AppriseUrls(Robots(client))
    target = {"url": receivers.address(service, "13900000000")}
    assert (await channel.send(target, MESSAGE)).outcome is Outcome.ACCEPTED, receivers.wrong
    (shown,) = receivers.shown
    assert (shown.service, shown.recipient) == (service, "13900000000")
    assert (shown.title, shown.body, shown.url) == (MESSAGE.title, MESSAGE.body, MESSAGE.url)
    # ntfy tells by a code of five digits; a gateway of SMS refuses behind a 200.
    for manner, outcome in (
        (Manner(429, code=42901), Outcome.BUSY),
        (Manner(500), Outcome.FAILED),
        (Manner(code=7), Outcome.FAILED if service == "smseagle" else Outcome.ACCEPTED),
    ):
        receivers.behave(service, manner)
        assert (await channel.send(target, MESSAGE)).outcome is outcome, manner
    channel.close()


async def test_the_deployments_own_gateways_need_a_number_alone(
    receivers: Receivers, client: httpx.AsyncClient
) -> None:
    receivers.behave("sms")
    receivers.shown.clear()
    apprises = AppriseUrls(Robots(client), seconds=2)
    with MailServer() as server:
        urls = {"sms": receivers.address("sms", "{to}"), "mail": server.address("{to}")}
        gateways = Gateways(urls, apprises)
        by_sms = read_target("sms", {"to": "139 0000 0001"}, local=False).value
        assert (await gateways.send(by_sms, MESSAGE)).outcome is Outcome.ACCEPTED
        assert [one.recipient for one in receivers.shown] == ["13900000001"]
        by_mail = read_target("mail", {"to": "zhang+anhu@mail.example"}, local=False).value
        assert (await gateways.send(by_mail, MESSAGE)).outcome is Outcome.ACCEPTED
        assert [one.recipient for one in server.until(1)] == ["zhang+anhu@mail.example"]
    other = await gateways.send({"gateway": "voice", "to": "1"}, MESSAGE)
    assert (other.outcome, other.detail) == (Outcome.REFUSED, "there is no gateway of voice")
    assert gateways.lane(by_sms) != gateways.lane(by_mail)
    apprises.close()


async def test_a_letter_by_a_mail_server(client: httpx.AsyncClient) -> None:
    channel = AppriseUrls(Robots(client), seconds=2)
    with MailServer() as server:
        target = {"url": server.address("zhang@mail.example")}
        assert (await channel.send(target, MESSAGE)).outcome is Outcome.ACCEPTED
        (letter,) = server.until(1)
        assert (letter.recipient, letter.subject) == ("zhang@mail.example", MESSAGE.title)
        assert letter.text.splitlines() == [MESSAGE.body, MESSAGE.url]
        wrong = {"url": server.address("zhang@mail.example", password="another")}
        assert (await channel.send(wrong, MESSAGE)).outcome is Outcome.FAILED
        for word, said in (
            ("RCPT", "550 5.1.1 no such mailbox"),
            ("RCPT", "450 4.2.1 mailbox busy, try later"),
            ("DATA", "451 4.3.0 try later"),
            ("MAIL", "421 4.7.0 too many connections"),
        ):
            server.refuses = {word: said}
            assert (await channel.send(target, MESSAGE)).outcome is Outcome.FAILED, said
        server.refuses = {}
        server.silent = True
        begun = time.monotonic()
        assert (await channel.send(target, MESSAGE)).outcome is Outcome.FAILED
        assert time.monotonic() - begun < 3 * PATIENCE
        assert len(server.letters) == 1
    assert (await channel.send(target, MESSAGE)).outcome is Outcome.FAILED, "nobody listens"
    channel.close()


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
