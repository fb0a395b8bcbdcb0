"""What the client adds to aiomqtt, as far as it needs no broker."""

import asyncio

import aiomqtt
import pytest

from simulators.mqtt import Client, wait_any


@pytest.fixture
async def client():
    return Client("127.0.0.1", 1)


async def test_what_is_beside_the_work_ends_with_it_even_when_it_swallows_a_cancellation(client):
    """As aiomqtt's publish does on Python 3.11 when the broker's answer comes at the same moment."""
    ended = asyncio.Event()

    async def stubborn():
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await asyncio.wait_for(client.unless_broken(asyncio.sleep(0.01), beside=stubborn()), 5)
    assert ended.is_set()


async def test_what_the_first_raised_is_raised(client):
    async def fails():
        raise LookupError("first")

    with pytest.raises(LookupError, match="first"):
        await asyncio.wait_for(client.unless_broken(asyncio.sleep(60), fails()), 5)
    with pytest.raises(LookupError, match="first"):
        await asyncio.wait_for(client.unless_broken(asyncio.sleep(60), beside=fails()), 5)


async def test_all_the_works_are_finished(client):
    finished = []

    async def work(name, seconds):
        await asyncio.sleep(seconds)
        finished.append(name)

    await asyncio.wait_for(client.unless_broken(work("long", 0.05), work("short", 0), beside=asyncio.sleep(60)), 5)
    assert finished == ["short", "long"]


async def test_a_broken_connection_ends_the_work_at_once(client):
    asyncio.get_running_loop().call_later(0.01, client._disconnected.set_exception, OSError("gone"))
    with pytest.raises(aiomqtt.MqttError, match="the connection broke"):
        await asyncio.wait_for(client.unless_broken(asyncio.sleep(60)), 5)


async def test_an_attempt_that_is_refused_can_be_made_again():
    for _ in range(2):
        with pytest.raises(aiomqtt.MqttError):
            async with Client("127.0.0.1", 1):
                pass


async def test_waiting_for_any_event_ends_with_the_first_or_in_its_time():
    first, second = asyncio.Event(), asyncio.Event()
    second.set()
    await asyncio.wait_for(wait_any(first, second, seconds=None), 5)
    await asyncio.wait_for(wait_any(first, seconds=0.01), 5)
