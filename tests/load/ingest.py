"""`make bench BENCH=ingest`: how many readings a second become durable, against the broker alone and COPY alone.

Twenty thousand virtual devices at QoS 1, sent over a few connections as fast as the gateway takes them: the load never
runs further ahead than a second or two, so that what is measured is a rate that could go on for ever. Broker, gateway,
PostgreSQL and load share the same cores. Then the same with buffered uploads, arrays of fifty.

The peers of the same run: the same messages to one subscriber that only acknowledges, and COPY alone, of the same rows
into the same table by one connection.
"""

import argparse
import multiprocessing
import tempfile
import threading
import time
import timeit
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import psycopg
from pydantic import TypeAdapter

from gateway.decoders.native import decode_readings
from tests.load.flood import Load, acknowledge_only, reading_bytes, send
from tests.load.measuring import durability, machine, report
from tests.parts.broker import Broker
from tests.parts.postgres import TEMPLATE, PostgresServer, make_template
from tests.parts.system import System, seed_database
from tests.parts.waiting import until

#: How far the load may run ahead of what is stored: what a fast gateway takes in some seconds.
AHEAD = 60_000
COPY_ROWS = 1000
BENCH_RIGHTS = ("write anhu/v1/+/up/#", "read anhu/v1/+/up/#", "read anhu/v1/+/down/#")

_ENROL = """
INSERT INTO devices (device_id, kind, organization_id)
SELECT 'bench-' || to_char(n, 'FM000000'), 'wristband', (SELECT id FROM organizations WHERE parent_id IS NULL)
FROM generate_series(0, %s) n
"""
_STATUS = "SELECT status FROM workers WHERE kind = 'gateway'"
_COLUMNS = (
    *("device_key", "ts", "seq", "received_at", "heart_rate", "spo2", "body_temperature", "steps", "worn", "battery"),
    "rssi",
)
_TYPES = ("int4", "timestamptz", "int8", "timestamptz", *("float4",) * 3, "int4", "bool", "float4", "float4")


class Bench:
    """A broker, a database and a gateway of their own."""

    def __init__(
        self,
        directory: Path,
        arguments: argparse.Namespace,
        elders: int = 10,
        server: Mapping[str, str] = MappingProxyType({"max_connections": "100", "max_wal_size": "4GB"}),
    ) -> None:
        self.arguments = arguments
        self._elders = elders
        self._opened = ExitStack()
        self._directory = directory
        postgres = PostgresServer(directory / "postgres", server)
        self.broker = Broker(directory / "broker", BENCH_RIGHTS)
        self.postgres = postgres

    def __enter__(self) -> "Bench":
        self.postgres.start()
        self._opened.callback(self.postgres.stop)
        self.broker.start()
        self._opened.callback(self.broker.stop)
        make_template(self.postgres.url())
        self.url = self.postgres.url(TEMPLATE)
        seeded = seed_database(self.url, self._directory / "keys.json", self._elders)
        self.system = System(self._directory / "system", self.url, self.broker, seeded)
        with psycopg.connect(self.url) as connection:
            connection.execute(_ENROL, (self.arguments.known - 1,))
        # One connection for all asking: each new one is a process of the server's, which would be counted.
        self._asking = self._opened.enter_context(psycopg.connect(self.url, autocommit=True))
        return self

    def __exit__(self, *_: object) -> None:
        self.system.stop()
        self._opened.close()

    def load(self, array: int = 1, rate: float | None = None) -> Load:
        broker = self.broker
        return Load(
            *(broker.host, broker.port, "anhu-bench", broker.passwords["anhu-bench"]),
            devices=self.arguments.devices, array=array, rate=rate,
        )  # fmt: skip

    def gateways(self) -> list[dict[str, Any]]:
        """What each gateway says by its heartbeat."""
        return [dict(row[0]) for row in self._asking.execute(_STATUS)]

    def start_gateways(self) -> None:
        names = ["gateway", *(f"gateway-{number}" for number in range(2, self.arguments.gateways + 1))]
        self.system.start(*names)
        until(self.are_ready, "the gateways are ready", limit=60, every=0.1)
        time.sleep(3)  # each has a slot of its own by now

    def are_ready(self) -> bool:
        told = self.gateways()
        return len(told) == self.arguments.gateways and all(one["ok"] for one in told)

    def total(self, group: str, name: str) -> float:
        """Of all gateways."""
        return float(sum(one.get(group, {}).get(name, 0) for one in self.gateways()))

    def stored(self) -> int:
        return int(self.total("counters", "readings_stored"))

    def inside(self) -> dict[str, float]:
        """CPU seconds of the gateways' stages."""
        return {name: self.total("cpu_seconds", name) for name in ("client", "decode", "write")}

    def processes(self) -> dict[str, list[psutil.Process]]:
        """By part; a process that has ended since is left out."""
        server = psutil.Process(self.postgres.pid)
        return {
            "broker": [psutil.Process(self.broker.pid)],
            "database": [server, *server.children(recursive=True)],
            "gateway": [process for gateway in self.gateway_processes() for process in gateway],
        }

    def gateway_processes(self) -> list[list[psutil.Process]]:
        """Of each gateway: its own, and telemetry's."""
        gateways = [process for name, process in self.system.processes.items() if name.startswith("gateway")]
        parents = [psutil.Process(gateway.pid) for gateway in gateways]
        return [[parent, *parent.children(recursive=True)] for parent in parents]

    def cpu_seconds(self) -> dict[str, float]:
        return {part: sum(map(_cpu, processes)) for part, processes in self.processes().items()}


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    # Children of a server that have ended are in its own account.
    return float(times.user + times.system + times.children_user + times.children_system)


@dataclass
class Flow:
    """What went through while the load lasted."""

    seconds: float
    messages: int
    load_cpu_seconds: float


class Sending:
    """The load, in a process of its own."""

    def __init__(self, load: Load, seconds: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._allowed = context.Value("q", AHEAD // load.array)
        self._sent = context.Value("q", 0)
        self._cpu = context.Value("d", 0.0)
        self._load, self._seconds = load, seconds
        self.process = context.Process(target=send, args=(load, seconds, self._allowed, self._sent, self._cpu))

    def allow(self, done: int) -> None:
        """`done` messages are through."""
        self._allowed.value = done + AHEAD // self._load.array

    def allow_all(self) -> None:
        """Whatever the gateway takes: what it does not waits in the broker."""
        self._allowed.value = 2**62

    @property
    def sent(self) -> int:
        return int(self._sent.value)

    @property
    def cpu_seconds(self) -> float:
        return float(self._cpu.value)


def broker_alone(bench: Bench, seconds: float) -> dict[str, Any]:
    """The same messages to one subscriber that only acknowledges."""
    context = multiprocessing.get_context("spawn")
    taken, ended = context.Value("q", 0), context.Event()
    account = (bench.broker.host, bench.broker.port, "anhu-bench", bench.broker.passwords["anhu-bench"])
    subscriber = context.Process(target=acknowledge_only, args=(*account, "anhu/v1/+/up/readings", taken, ended))
    subscriber.start()
    time.sleep(2)
    sending = Sending(bench.load(), seconds)
    sending.process.start()
    until(lambda: taken.value > 0, "the broker hands on", limit=30)
    before, begun = taken.value, time.perf_counter()
    while sending.process.is_alive() and time.perf_counter() - begun < seconds - 2:
        sending.allow(taken.value)
        time.sleep(0.01)
    rate = (taken.value - before) / (time.perf_counter() - begun)
    sending.process.join()
    ended.set()
    subscriber.join()
    return {"broker_alone_per_second": round(rate)}


def copy_alone(bench: Bench, seconds: float) -> dict[str, Any]:
    """Binary COPY of the same rows into the same table, a transaction for each thousand; then they are taken away."""
    now = datetime.now(UTC)
    statement = f"COPY readings ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
    rows = 0
    with psycopg.connect(bench.url, autocommit=True) as connection:
        connection.execute("SELECT readings_make_partitions(current_date - 1, current_date + 1)")
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            ts = now + timedelta(microseconds=rows)
            with connection.transaction(), connection.cursor().copy(statement) as copy:
                copy.set_types(_TYPES)
                for key in range(1, COPY_ROWS + 1):
                    copy.write_row((key, ts, 0, now, 72.0, 97.0, 36.5, 1234, True, 83.0, -97.0))
            rows += COPY_ROWS
        taken = time.perf_counter() - begun
        connection.execute("TRUNCATE readings")
        connection.execute("CHECKPOINT")
    return {"copy_alone_per_second": round(rows / taken)}


@contextmanager
def _watched_memory(bench: Bench, megabytes: list[float]) -> Iterator[None]:
    """Of the gateway that takes most; what its two processes share is counted twice."""
    ended = threading.Event()
    gateways = bench.gateway_processes()

    def watch() -> None:
        while not ended.wait(1.0):
            megabytes.append(max(sum(process.memory_info().rss for process in gateway) / 1e6 for gateway in gateways))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()


def ingest(bench: Bench, seconds: float, array: int, megabytes: list[float]) -> dict[str, Any]:
    """Through the gateway, until every message sent is a row or told why not."""
    rows_before = bench.system.sql("SELECT count(*) FROM readings")[0][0]
    stored_before = bench.stored()
    sending = Sending(bench.load(array), seconds)
    sending.process.start()
    until(lambda: bench.stored() > stored_before, "the gateway stores", limit=30, every=0.05)
    # The clock runs from one beat of the gateway to another: it tells what it has stored once a second.
    begun, first, cpu_before = time.perf_counter(), bench.stored(), bench.cpu_seconds()
    inside_before = bench.inside()
    batches_before = bench.total("counters", "telemetry_batches")
    at, last, cpu = begun, first, cpu_before
    inside = inside_before
    with _watched_memory(bench, megabytes):
        while sending.process.is_alive() and time.perf_counter() - begun < seconds:
            stored = bench.stored()
            if stored != last:
                at, last, cpu, inside = time.perf_counter(), stored, bench.cpu_seconds(), bench.inside()
            sending.allow((stored - stored_before) // array)
            time.sleep(0.05)
        sending.process.join()
        want = sending.sent * array
        until(
            lambda: bench.stored() - stored_before >= want or not bench.total("waiting", "telemetry"),
            "the backlog drains", limit=120, every=0.2,
        )  # fmt: skip
        time.sleep(2)
    rows, distinct = bench.system.sql("SELECT count(*), count(DISTINCT (device_key, ts, seq)) FROM readings")[0]
    done = last - first
    batches = bench.total("counters", "telemetry_batches") - batches_before
    return {
        "per_second": round(done / (at - begun)),
        "sent": want,
        "lost": want - (distinct - rows_before),
        "duplicates": rows - distinct,
        "quarantined": bench.system.sql("SELECT count(*) FROM quarantine")[0][0],
        "messages_a_batch": round(sending.sent / max(1, batches)),
        "cpu_us_per_reading": {
            **{part: round((cpu[part] - cpu_before[part]) / done * 1e6, 2) for part in cpu},
            "load": round(sending.cpu_seconds / want * 1e6, 2),
            **{
                f"gateway_{part}": round((inside[part] - inside_before[part]) / done * 1e6, 2)
                for part in inside_before
            },
        },
    }  # fmt: skip


def validate_microseconds() -> dict[str, float]:
    """Of one message, in this process: JSON to checked fields alone, and all of decoding."""
    from gateway.decoders import native

    adapter: TypeAdapter[Any] = native._READING
    body, now, times = reading_bytes(0), datetime.now(UTC), 20_000

    def microseconds(work: Callable[[], object]) -> float:
        return round(min(timeit.repeat(work, number=times, repeat=3)) / times * 1e6, 2)

    return {
        "validate": microseconds(lambda: adapter.validate_json(body)),
        "decode": microseconds(lambda: decode_readings(body, now)),
    }


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as name, Bench(Path(name), arguments) as bench:
        line: dict[str, Any] = {"bench": "ingest", "devices": arguments.devices, "known_devices": arguments.known}
        line |= {"gateways": arguments.gateways}
        line |= broker_alone(bench, arguments.peer_seconds)
        line |= copy_alone(bench, arguments.peer_seconds)
        bench.start_gateways()
        megabytes: list[float] = []
        single = ingest(bench, arguments.seconds, 1, megabytes)
        bench.system.sql("TRUNCATE readings")
        arrays = ingest(bench, arguments.array_seconds, 50, [])
        half = line["broker_alone_per_second"] / 2
        return line | {
            "seconds": arguments.seconds,
            "durable_per_second": single["per_second"],
            "of_broker_alone": round(single["per_second"] / line["broker_alone_per_second"], 3),
            "aim_per_second": round(half),
            "arrays_of_50_per_second": arrays["per_second"],
            "of_copy_alone": round(arrays["per_second"] / line["copy_alone_per_second"], 3),
            "lost": single["lost"] + arrays["lost"],
            "duplicates": single["duplicates"] + arrays["duplicates"],
            "quarantined": arrays["quarantined"],
            "sent": single["sent"] + arrays["sent"],
            "gateway_rss_mb": round(max(megabytes)),
            "gateway_rss_mb_over_the_run": [round(megabytes[place * (len(megabytes) - 1) // 4]) for place in range(5)],
            "messages_a_batch": single["messages_a_batch"],
            "cpu_us_per_reading": single["cpu_us_per_reading"],
            "cpu_us_per_reading_in_arrays": arrays["cpu_us_per_reading"],
            "one_message_us": validate_microseconds(),
            "durability": durability(bench.url),
        }


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=20_000, help="that send")
    parser.add_argument("--known", type=int, default=100_000, help="that are enrolled")
    parser.add_argument("--gateways", type=int, default=2, help="that share the subscription")
    parser.add_argument("--seconds", type=float, default=60.0, help="of single readings")
    parser.add_argument("--array-seconds", type=float, default=20.0, help="of arrays of fifty")
    parser.add_argument("--peer-seconds", type=float, default=15.0, help="of each peer")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    before = machine()
    report(run(parse()) | before)
