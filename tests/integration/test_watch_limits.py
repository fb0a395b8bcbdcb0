"""What one connection, one address and one stranger may have of the watch bridge. The broker is away all the time."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from socket import SO_LINGER, SOL_SOCKET

from gateway.bridges.uplink import Uplink
from gateway.bridges.watch import MOST_ALARMS, Bridge, Options
from gateway.bridges.watch_connection import MOST_WAITING, Limits
from services.runtime.settings import Settings
from tests.parts.ports import free_port
from tests.parts.waiting import PATIENCE

LIMIT = 10 * PATIENCE
LK = b"[3G*1000000001*0002*LK]"


def alarm(second: int, status: str = "00010000") -> bytes:
    return f"[3G*1000000001*0000*AL,221126,0359{second:02},V,0,N,0,E,0,0,0,0,0,80,0,0,{status},0,0]".encode()


@asynccontextmanager
async def serving(**limits: float) -> AsyncIterator[tuple[int, Bridge, Uplink]]:
    uplink = Uplink(Settings(mqtt_url="mqtt://127.0.0.1:1"), "test")
    bridge = Bridge(Options(port=free_port(), limits=Limits(**limits)))  # type: ignore[arg-type]
    task = asyncio.ensure_future(bridge.serve(uplink))
    try:
        async with asyncio.timeout(LIMIT):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", bridge.options.port)
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0.005)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.02)
        yield bridge.options.port, bridge, uplink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ends(reader: asyncio.StreamReader) -> bool:
    """Whether the connection is closed, by a goodbye or by force."""
    try:
        return await asyncio.wait_for(reader.read(), LIMIT) == b""
    except ConnectionError:
        return True


async def test_silence_and_namelessness_end_a_connection() -> None:
    async with serving(idle_seconds=0.2, sign_in_seconds=0.1) as (port, _, _):
        stranger, stranger_writer = await asyncio.open_connection("127.0.0.1", port)
        watch, watch_writer = await asyncio.open_connection("127.0.0.1", port)
        watch_writer.write(LK)
        assert await watch.readexactly(len(LK)) == LK
        began = asyncio.get_running_loop().time()
        assert await ends(stranger)
        assert await ends(watch)
        assert asyncio.get_running_loop().time() - began > 0.1
        stranger_writer.close()
        watch_writer.close()


async def test_an_address_has_so_many_connections() -> None:
    async with serving(per_address=2) as (port, _, _):
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, writer in opened:
            writer.write(LK)
            assert await reader.readexactly(len(LK)) == LK
        refused, refused_writer = await asyncio.open_connection("127.0.0.1", port)
        assert await ends(refused)
        refused_writer.close()
        opened[0][1].close()
        async with asyncio.timeout(LIMIT):
            while True:  # until the bridge has seen that one has gone
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                opened.append((reader, writer))
                writer.write(LK)
                with suppress(ConnectionError):
                    if await reader.read(len(LK)) == LK:
                        break
        for _, writer in opened:
            writer.close()


async def test_without_a_broker_readings_are_bounded_and_no_alarm_is_answered() -> None:
    async with serving() as (port, _, uplink):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 4 * MOST_WAITING
        writer.write(b"[3G*1000000001*0009*LK,5,0,50]" * count)
        assert await reader.readexactly(count * len(LK)) == LK * count, "what keeps it alive is answered all the same"
        writer.write(alarm(0) * 20)
        for second in range(2 * MOST_ALARMS - 10):
            writer.write(alarm(second))
        writer.write(LK)
        assert await reader.readexactly(len(LK)) == LK, "and no alarm before it"
        assert uplink.waiting == MOST_ALARMS, "the same alarm waits once; a watch repeats what was not taken"
        writer.close()
        await writer.wait_closed()
        assert uplink.waiting == MOST_ALARMS, "what was taken on is not dropped with its connection"


async def test_half_an_alarm_raises_when_its_connection_is_reset() -> None:
    async with serving() as (port, _, uplink):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(alarm(0)[:-20])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        async with asyncio.timeout(LIMIT):
            while uplink.waiting == 0:
                await asyncio.sleep(0.005)


async def test_an_older_connection_goes_on_when_the_newest_has_ended() -> None:
    async with serving() as (port, bridge, _):
        connections = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(LK)
            assert await reader.readexactly(len(LK)) == LK
            connections.append((reader, writer))
        (older, older_writer), (_, newest_writer) = connections
        newest_writer.close()
        await newest_writer.wait_closed()
        async with asyncio.timeout(LIMIT):
            while True:
                older_writer.write(LK)
                assert await older.readexactly(len(LK)) == LK
                bridge.command("watch-1000000001", b'{"command": "ring"}')
                try:
                    assert await asyncio.wait_for(older.readexactly(25), 0.1) == b"[3G*1000000001*0004*FIND]"
                    break
                except TimeoutError:
                    continue
        older_writer.close()
