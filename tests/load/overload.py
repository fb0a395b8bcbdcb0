"""`make bench BENCH=overload`: a press a second, from its publish to a station's screen, while telemetry is offered at
twice what the gateway takes.

First the gateway's rate is measured, with nothing else to do than telemetry and its heartbeats. Then as much again is
offered; what the gateway does not take waits in the broker. Then the backlog drains, and every reading is counted.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.load.ingest import Bench, Sending, ingest
from tests.load.measuring import broker_round_trips, durability, fsync_milliseconds, machine, percentiles, report
from tests.load.press import press_all, watch
from tests.parts.waiting import until

#: Ways through the broker in a second, while its own time is measured.
FLOOR_RATE = 20.0


async def presses(bench: Bench, devices: list[str], rate: float) -> list[float]:
    """Milliseconds from press to screen of each press that was shown."""
    system = bench.system
    token = system.sign_in("city-1").tokens["access_token"]
    stations = [str(one["id"]) for one in system.seeded.organizations if one["tier"] in ("community", "point")]
    shown: dict[str, float] = {}
    pressed: dict[str, float] = {}
    screens = [asyncio.create_task(watch(system, token, one, shown)) for one in stations]
    await press_all(bench.broker, devices, rate, pressed, shown)
    for screen in screens:
        screen.cancel()
    await asyncio.gather(*screens, return_exceptions=True)
    return [(shown[name] - at) * 1000 for name, at in pressed.items() if name in shown]


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    count = int(arguments.seconds * arguments.rate)
    with (
        tempfile.TemporaryDirectory(prefix="anhu-bench-") as name,
        Bench(Path(name), arguments, elders=2 * count) as bench,
    ):
        bench.start_gateways()
        bench.system.start("alerts", "api")
        bench.system.wait_until_ready()
        wristbands = [one["device_id"] for one in bench.system.seeded.devices if one["kind"] == "wristband"]
        fsync = fsync_milliseconds(Path(name))
        round_trips = asyncio.run(broker_round_trips(bench.broker, str(wristbands[0]), 100, 50))
        alone = ingest(bench, arguments.measure_seconds, 1, [])
        at_half = None if arguments.no_half else _at_half_load(bench, alone["per_second"] / 2, wristbands[:count], name)
        before = bench.system.sql("SELECT count(*) FROM readings")[0][0]
        sending = Sending(bench.load(rate=2 * alone["per_second"]), arguments.seconds)
        sending.allow_all()
        sending.process.start()
        until(lambda: sending.sent > 0, "the load has begun", limit=30)
        begun, stored_before = time.perf_counter(), bench.stored()
        taken = asyncio.run(presses(bench, [str(one) for one in wristbands[count : 2 * count]], arguments.rate))
        seconds, stored = time.perf_counter() - begun, bench.stored() - stored_before
        sending.process.join()
        offered = sending.sent
        drain = time.perf_counter()
        until(
            lambda: bench.system.sql("SELECT count(*) FROM readings")[0][0] - before >= offered,
            "the backlog drains", limit=300, every=0.5,
        )  # fmt: skip
        drained = time.perf_counter() - drain
        rows, distinct = bench.system.sql("SELECT count(*), count(DISTINCT (device_key, ts, seq)) FROM readings")[0]
        return {
            "bench": "overload",
            "gateway_takes_per_second": alone["per_second"],
            "offered_per_second": round(offered / arguments.seconds),
            "stored_per_second_meanwhile": round(stored / seconds),
            "presses": count,
            "presses_lost": count - len(taken),
            "press_to_screen_ms": percentiles(taken),
            "aim_p99_ms": 150,
            "at_half_load": at_half,
            "floor_at_rest": _floor(fsync, round_trips),
            "readings_lost": offered - (distinct - before),
            "duplicates": rows - distinct,
            "backlog_drained_seconds": round(drained, 1),
            "durability": durability(bench.url),
        }


def _at_half_load(bench: Bench, rate: float, devices: list[Any], directory: str) -> dict[str, Any]:
    """Presses while telemetry comes at a rate that the gateway takes with ease, and what disk and broker take then."""
    arguments, names = bench.arguments, [str(one) for one in devices]
    trips = 100
    sending = Sending(bench.load(rate=rate), arguments.seconds + trips / FLOOR_RATE + 2)
    sending.allow_all()
    sending.process.start()
    until(lambda: sending.sent > 0, "the load has begun", limit=30)
    round_trips = asyncio.run(broker_round_trips(bench.broker, names[0], trips, FLOOR_RATE))
    fsync = fsync_milliseconds(Path(directory))
    taken = asyncio.run(presses(bench, names, arguments.rate))
    sending.process.join()
    until(lambda: not bench.total("waiting", "telemetry"), "all is stored", limit=60, every=0.5)
    time.sleep(2)
    floor = _floor(fsync, round_trips)
    return {
        "readings_per_second": round(rate),
        "presses_lost": len(names) - len(taken),
        "press_to_screen_ms": percentiles(taken),
        "floor_meanwhile": floor,
    }


def _floor(fsync: list[float], round_trips: list[float]) -> dict[str, Any]:
    """What the machine itself takes, and the aim that follows for a press at half load: 30 ms, or five times as much
    as one commit and one way through the broker, where that is more."""
    durable, broker = percentiles(fsync), percentiles(round_trips)
    return {
        "fsync_ms": durable,
        "broker_round_trip_ms": broker,
        "aim_p99_at_half_load_ms": round(max(30.0, 5 * (durable["p99"] + broker["p99"])), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=20_000, help="that send")
    parser.add_argument("--known", type=int, default=20_000, help="that are enrolled")
    parser.add_argument("--gateways", type=int, default=2, help="that share the subscription")
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload, and of half load")
    parser.add_argument("--measure-seconds", type=float, default=15.0, help="to find what the gateway takes")
    parser.add_argument("--rate", type=float, default=1.0, help="presses a second")
    parser.add_argument("--no-half", action="store_true", help="leave out the presses under half load")
    arguments = parser.parse_args()
    before = machine()
    report(run(arguments) | before)


if __name__ == "__main__":
    main()
