"""What every benchmark needs: percentiles, the floor of the machine, and the settings it ran under."""

import asyncio
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiomqtt
import psycopg

from tests.parts.broker import Broker

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes", "wal_level", "server_version")


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the worst, in milliseconds."""
    ordered = sorted(milliseconds)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    return {"p50": at(0.50), "p95": at(0.95), "p99": at(0.99), "max": round(ordered[-1], 2)}


def fsync_milliseconds(directory: Path, times: int = 200) -> list[float]:
    """How long the disk takes to make 8 KiB durable."""
    taken = []
    with (directory / "fsync-probe").open("wb") as file:
        for _ in range(times):
            file.write(b"x" * 8192)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1000)
    return taken


async def broker_round_trips(broker: Broker, device_id: str, times: int, rate: float) -> list[float]:
    """How long the broker takes from one client's QoS 1 publish to another's receipt, in milliseconds."""
    topic = f"anhu/v1/{device_id}/up/results"
    taken: list[float] = []

    def client(account: str) -> aiomqtt.Client:
        return aiomqtt.Client(broker.host, broker.port, username=account, password=broker.passwords[account])

    async with client("anhu-gateway") as listener, client(device_id) as speaker:
        await listener.subscribe(topic, qos=1)
        for _ in range(times):
            begun = time.perf_counter()
            await speaker.publish(topic, b"{}", qos=1)
            async for _message in listener.messages:
                taken.append((time.perf_counter() - begun) * 1000)
                break
            await asyncio.sleep(1 / rate)
    return taken


def durability(database_url: str) -> dict[str, str]:
    """The server's settings that decide whether a commit survives a power cut."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(DURABILITY),))
        return dict(rows.fetchall())


def machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "load_before": round(os.getloadavg()[0], 2)}


def report(line: dict[str, Any]) -> None:
    """One line of JSON on standard output, for people and for scripts."""
    print(json.dumps(line, ensure_ascii=False), flush=True)
