"""Where channels lead, sealed in a real database, and delivered to all the same. Numbers and people are invented."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from alerts.channels.targets import read_target
from alerts.own_channels import add_channel, list_channels
from services.registry.channel_targets import UNREADABLE, opened
from services.registry.names import Actor
from services.registry.rotate_keys import rotate_keys, seal_in_upkeep, seal_plain
from services.registry.sealing import NO_KEYS, Keys, KeysError, new_key
from simulators.receivers.server import Receivers
from tests.parts.people import Family, family_at

OLD, NEW = new_key("old"), new_key("new")
NUMBER = "13900000001"
WHOLE = "SELECT c.*, c.fingerprint AS mark FROM channels c ORDER BY position"


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as receivers:
        yield receivers


@pytest.fixture
async def family(database_url: str) -> AsyncIterator[Family]:
    async with family_at(database_url) as family:
        yield family


async def dump(family: Family) -> str:
    """As SQL would write the rows, with the bytes of what is sealed as text too."""
    rows = await family.rows("SELECT c::text AS row, c.target_sealed AS sealed FROM channels c")
    return "".join(row["row"] + bytes(row["sealed"] or b"").decode("latin-1") for row in rows)


async def test_a_sealed_channel_is_nowhere_in_its_row_and_one_without_its_key_is_followed_by_the_next(
    family: Family, receivers: Receivers
) -> None:
    daughter = await family.has_caregiver("女儿（虚构）", receivers.address("hook"), receivers.address("sms", NUMBER))
    assert NUMBER in await dump(family), "from before there were keys"
    assert await asyncio.to_thread(seal_in_upkeep(family.settings.database_url, NO_KEYS)) == 0
    assert await asyncio.to_thread(seal_in_upkeep(family.settings.database_url, Keys(OLD))) == 2
    told = await dump(family)
    assert NUMBER not in told
    assert receivers.url not in told
    # The first is turned to a key that whoever delivers has not.
    (hook,) = await family.rows("SELECT * FROM channels WHERE position = 0")
    target = Keys(NEW).seal(Keys(OLD).open(bytes(hook["target_sealed"])))
    await family.run("UPDATE channels SET target_sealed = %s WHERE position = 0", target)
    family.settings = family.settings.model_copy(update={"data_keys": SecretStr(OLD)})
    async with family.delivered() as delivery:
        await family.raises(daughter)
        (sms,) = await asyncio.to_thread(receivers.until, 1, "sms")
        assert (sms.title, sms.recipient) == ("紧急救援", NUMBER)
        await family.until("SELECT FROM delivery_attempts WHERE outcome = 'accepted'")
        assert (await family.attempts())[:2] == [("webhook 0", "failed"), ("apprise 1", "accepted")]
        assert "lacks the key new" in delivery.status()["fault"]
    why = "ANHU_DATA_KEYS lacks the key new, with which a value was sealed"
    (attempt,) = await family.rows("SELECT detail FROM delivery_attempts WHERE outcome = 'failed' LIMIT 1")
    (channel,) = await family.rows("SELECT failure FROM channels WHERE position = 0")
    assert (attempt["detail"], channel["failure"]) == (why, why)
    with pytest.raises(KeysError, match="sealed with new, which ANHU_DATA_KEYS lacks"):
        await asyncio.to_thread(seal_in_upkeep(family.settings.database_url, Keys(OLD)))


async def test_the_same_channel_is_known_again_while_keys_come_and_are_changed(family: Family) -> None:
    person = await family.has_caregiver("儿子（虚构）")
    target = read_target("sms", {"to": NUMBER}, local=False)

    async def given(keys: Keys) -> dict[str, Any]:
        added = await add_channel(family.connection, keys, person, target, "短信", "blue")
        assert added is not None
        assert (added["service"], "target" in added, "target_sealed" in added) == ("139…0001", False, False)
        (row,) = await family.rows(WHOLE)
        assert row["id"] == added["id"], "the same channel"
        return row

    plain = await given(NO_KEYS)
    assert plain["target"] == {"gateway": "sms", "to": NUMBER}
    sealed = await given(Keys(OLD))
    assert (sealed["target"], sealed["service"]) == (None, "sms"), "the ends of a number are made of it"
    assert sealed["mark"] != plain["mark"]
    assert NUMBER not in await dump(family)
    assert (await given(Keys(f"{NEW},{OLD}")))["mark"] not in (plain["mark"], sealed["mark"])
    assert (await given(Keys(NEW)))["id"] == plain["id"]
    assert [one["service"] for one in await list_channels(family.connection, Keys(OLD), person)] == [UNREADABLE]


async def test_keys_are_turned_and_a_target_that_is_there_twice_holds_nothing_up(family: Family) -> None:
    person, keys = await family.has_caregiver("侄女（虚构）"), Keys(f"{NEW},{OLD}")
    target = read_target("sms", {"to": NUMBER}, local=False)
    first = await add_channel(family.connection, NO_KEYS, person, target, "短信", "blue")
    assert first is not None
    # As a process that had the other key, or none, has added it meanwhile.
    await family.run(
        "INSERT INTO channels (id, account_id, kind, label, position, target_sealed, service, fingerprint)"
        " SELECT %s, account_id, kind, label, 2, %s, service, %s FROM channels",
        *(uuid7(), Keys(OLD).seal('{"gateway": "sms", "to": "13900000001"}'), b"by the old key"),
    )
    told: list[int] = []
    assert await seal_plain(family.connection, keys) == 1
    actor = Actor("测试")
    assert await rotate_keys(family.connection, actor, keys, told.append) == 1
    assert await rotate_keys(family.connection, actor, keys, told.append) == 0, "again there is nothing to do"
    rows = await family.rows(WHOLE)
    assert [opened(Keys(NEW), row) for row in rows] == [{"gateway": "sms", "to": NUMBER}] * 2
    assert rows[0]["mark"] != rows[1]["mark"]
    again = await add_channel(family.connection, Keys(NEW), person, target, "短信", "blue")
    assert again is not None
    assert again["id"] == first["id"]
    assert len(await family.rows(WHOLE)) == 2
