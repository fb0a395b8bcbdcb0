"""`make bench BENCH=press`: from the press to the screen, through the whole path.

A thousand elders press once each, over connections of their own, while five hundred other wristbands report. The
clock runs from the publish of the press to the frame of its alert at a station's WebSocket. The floor beneath it is
measured in the same run: the disk's fsync and the broker's round trip.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
from websockets.asyncio.client import connect

from tests.load.measuring import broker_round_trips, durability, fsync_milliseconds, machine, percentiles, report
from tests.parts.broker import Broker
from tests.parts.postgres import TEMPLATE, PostgresServer, make_template
from tests.parts.system import ROOT, System, seed_database

SETTLE_SECONDS = 10
LOST_AFTER_SECONDS = 30


async def watch(system: System, token: str, organization_id: str, shown: dict[str, float]) -> None:
    """A screen: notes when it was given each alert, by the event that raised it."""
    address = f"{system.url.replace('http', 'ws')}/api/v1/stations/{organization_id}/live"
    async with connect(address, max_size=None) as socket:
        await socket.send(json.dumps({"type": "hello", "token": token, "after": 0}))
        async for text in socket:
            at = time.perf_counter()
            frame = json.loads(text)
            if frame["type"] == "alert":
                shown.setdefault(frame["alert"]["event_id"], at)
            elif frame["type"] == "heartbeat":
                await socket.send('{"type":"alive"}')


async def press_all(
    broker: Broker,
    devices: list[str],
    rate: float,
    pressed: dict[str, float],
    shown: dict[str, float],
) -> None:
    """Each device presses once, at a steady rate; returns when all are shown, or too late."""
    async with AsyncExitStack() as connections:
        clients = []
        for device_id in devices:
            client = aiomqtt.Client(broker.host, broker.port, username=device_id, password=broker.passwords[device_id])
            clients.append(await connections.enter_async_context(client))
        begun = time.perf_counter()
        for number, (device_id, client) in enumerate(zip(devices, clients, strict=True)):
            await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
            event_id = f"bench-{device_id}"
            event = {"event_id": event_id, "type": "sos", "ts": datetime.now(UTC).isoformat(), "seq": number}
            pressed[event_id] = time.perf_counter()
            await client.publish(f"anhu/v1/{device_id}/up/events", json.dumps(event), qos=1)
        deadline = time.perf_counter() + LOST_AFTER_SECONDS
        while not pressed.keys() <= shown.keys() and time.perf_counter() < deadline:
            await asyncio.sleep(0.05)


async def measure(system: System, broker: Broker, arguments: argparse.Namespace, directory: Path) -> dict[str, Any]:
    wristbands = [one["device_id"] for one in system.seeded.devices if one["kind"] == "wristband"]
    reporting = wristbands[: arguments.reporting]
    pressing = wristbands[arguments.reporting : arguments.reporting + arguments.presses]
    fleet = directory / "fleet.json"
    chosen = [one for one in system.seeded.devices if one["device_id"] in set(reporting)]
    fleet.write_text(json.dumps({"mqtt": {"host": broker.host, "port": broker.port}, "devices": chosen}))
    simulator = subprocess.Popen(
        [sys.executable, "-m", "simulators", "--fleet", str(fleet), "--connect-rate", "100"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    shown: dict[str, float] = {}
    pressed: dict[str, float] = {}
    try:
        operator = system.sign_in("city-1")
        stations = [str(one["id"]) for one in system.seeded.organizations if one["tier"] in ("community", "point")]
        token = operator.tokens["access_token"]
        screens = [asyncio.create_task(watch(system, token, one, shown)) for one in stations]
        await asyncio.sleep(len(reporting) / 100 + SETTLE_SECONDS)
        fsync = fsync_milliseconds(directory)
        round_trips = await broker_round_trips(broker, pressing[0], 200, arguments.rate)
        await press_all(broker, pressing, arguments.rate, pressed, shown)
        for screen in screens:
            screen.cancel()
        await asyncio.gather(*screens, return_exceptions=True)
    finally:
        simulator.terminate()
        simulator.wait(20)
    taken = [(shown[name] - at) * 1000 for name, at in pressed.items() if name in shown]
    floor = 5 * (percentiles(fsync)["p99"] + percentiles(round_trips)["p99"])
    return {
        "bench": "press",
        "presses": len(pressed),
        "rate_per_second": arguments.rate,
        "reporting_wristbands": len(reporting),
        "lost": len(pressed) - len(taken),
        "press_to_screen_ms": percentiles(taken),
        "floor": {
            "broker_round_trip_ms": percentiles(round_trips),
            "fsync_ms": percentiles(fsync),
            "aim_p99_ms": round(max(30.0, floor), 2),
        },
        "readings_stored": system.sql("SELECT count(*) FROM readings")[0][0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=20.0, help="presses a second")
    parser.add_argument("--reporting", type=int, default=500, help="wristbands that report meanwhile")
    arguments = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as name:
        directory = Path(name)
        postgres = PostgresServer(directory / "postgres", {"max_connections": "100"})
        broker = Broker(directory / "broker")
        postgres.start()
        broker.start()
        try:
            make_template(postgres.url())
            url = postgres.url(TEMPLATE)
            elders = arguments.presses + arguments.reporting
            system = System(directory / "system", url, broker, seed_database(url, directory / "keys.json", elders))
            system.start()
            try:
                system.wait_until_ready()
                line = asyncio.run(measure(system, broker, arguments, directory))
            finally:
                system.stop()
            report(line | {"durability": durability(url)} | before)
        finally:
            broker.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
