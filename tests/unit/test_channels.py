"""Where channels may lead, what people may enter, and that a service which hangs holds up its own alone."""

import asyncio
from collections import Counter

import pytest

from alerts.channels.addresses import is_public, named_private
from alerts.channels.lanes import FullError, Lanes
from alerts.channels.targets import TargetError, read_target


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("2606:4700:4700::1111", True),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:1.1.1.1", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("a name", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "x.local", "127.1", "0x7f000001", "2130706433", ""])
def test_what_is_plainly_ours(host: str) -> None:
    assert named_private(host)


@pytest.mark.parametrize("host", ["example.org", "1.1.1.1", "oapi.dingtalk.com"])
def test_what_is_not(host: str) -> None:
    assert not named_private(host)


def test_a_target_says_nothing_of_itself_but_its_service() -> None:
    target = read_target("apprise", {"url": "wecombot://very-secret-key"}, local=False)
    assert target.service == "wecombot"
    assert read_target("apprise", {"url": "wecombot://very-secret-key"}, local=False).fingerprint == target.fingerprint
    first, second = (read_target("webhook", {"url": "https://example.org/x"}, local=False) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert first.secret != second.secret


@pytest.mark.parametrize("url", ["file:///etc/passwd", "dbus://", "vapid://x", "x", "", 5, None, "json://127.0.0.1/x"])
def test_what_is_no_address(url: object) -> None:
    with pytest.raises(TargetError):
        read_target("apprise", {"url": url}, local=False)


@pytest.mark.parametrize(
    ("kind", "given", "to", "shown"),
    [
        ("sms", "139-0000 0001", "13900000001", "139…0001"),
        ("voice", "+86 23 0000 0001", "+862300000001", "+86…0001"),
        ("mail", " zhang@mail.example ", "zhang@mail.example", "zh…@mail.example"),
    ],
)
def test_a_number_or_an_address_is_enough_where_there_is_a_gateway(kind: str, given: str, to: str, shown: str) -> None:
    target = read_target(kind, {"to": given}, local=False)
    assert (target.kind, target.value, target.service) == ("gateway", {"gateway": kind, "to": to}, shown)
    assert target.fingerprint == read_target(kind, {"to": to}, local=False).fingerprint


@pytest.mark.parametrize(
    ("kind", "to"),
    [("sms", "12"), ("sms", "a" * 50), ("voice", None), ("mail", "x"), ("mail", "a@b"), ("mail", "a@b.c?to=d@e.f")],
)
def test_what_is_no_number_and_no_address(kind: str, to: object) -> None:
    with pytest.raises(TargetError):
        read_target(kind, {"to": to}, local=False)


async def test_a_lane_that_hangs_holds_up_itself_alone() -> None:
    lanes, hang = Lanes(all=10, patience=0.05), asyncio.Event()

    async def send(lane: str) -> str:
        try:
            async with lanes.place(lane, 2):
                if lane == "slow":
                    await hang.wait()
                return "sent"
        except FullError:
            return "full"

    hanging = [asyncio.create_task(send("slow")) for _ in range(3)]
    assert await asyncio.gather(*(send("quick") for _ in range(8))) == ["sent"] * 8
    assert await hanging[2] == "full"
    hang.set()
    assert await asyncio.gather(*hanging[:2]) == ["sent"] * 2
    assert lanes.under_way == 0


async def test_a_burst_has_its_turn_in_each_lane_and_never_more_at_once() -> None:
    lanes, most = Lanes(all=5, patience=5), Counter[str]()
    there = Counter[str]()

    async def send(lane: str) -> None:
        async with lanes.place(lane, 2):
            there.update([lane, "all"])
            most.update({name: max(0, there[name] - most[name]) for name in (lane, "all")})
            await asyncio.sleep(0)
            there.subtract([lane, "all"])

    await asyncio.gather(*(send(lane) for lane in "abcd" * 10))
    assert most["all"] == 5
    assert {most[lane] for lane in "abcd"} <= {1, 2}
    assert lanes.under_way == 0
