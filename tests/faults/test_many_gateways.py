"""Four gateways share one subscription: readings are stored once each, though one of them is killed for good."""

import multiprocessing
import time

from tests.faults.killing import at_work, start_named
from tests.faults.storm import eventually
from tests.load.flood import Load, send
from tests.parts.figures import Tell
from tests.parts.system import System

NAMES = ("gateway", "gateway-2", "gateway-3", "gateway-4")
RATE, SECONDS = 1500, 6


def test_no_reading_is_lost_or_stored_twice_when_one_of_four_gateways_is_killed(pair: System, tell: Tell) -> None:
    start_named(pair, *NAMES[2:])
    try:
        eventually(lambda: all(at_work(pair, name) for name in NAMES), "all four are at work", limit=60)
        before = pair.sql("SELECT count(*) FROM readings")[0][0]
        context = multiprocessing.get_context("spawn")
        allowed, sent, cpu = context.Value("q", 2**62), context.Value("q", 0), context.Value("d", 0.0)
        names = tuple(str(one["device_id"]) for one in pair.seeded.devices if one["kind"] == "wristband")
        account = (pair.broker.host, pair.broker.port, "anhu-bench", pair.broker.passwords["anhu-bench"])
        load = Load(*account, names=names, rate=RATE)
        sending = context.Process(target=send, args=(load, SECONDS, allowed, sent, cpu))
        sending.start()
        eventually(lambda: sent.value > RATE, "the readings flow", limit=30)
        pair.kill("gateway-3")
        killed_at = time.monotonic()
        sending.join(60)
        count = "SELECT count(*), count(DISTINCT (device_key, ts, seq)) FROM readings"
        eventually(lambda: pair.sql(count)[0][0] - before >= sent.value, "every reading is stored", limit=60)
        tell(f"{sent.value} readings, all stored {time.monotonic() - killed_at:.1f} s after the kill")
        rows, distinct = pair.sql(count)[0]
        assert rows == distinct
        assert rows - before == sent.value
        of_each = (
            "SELECT count(*) FROM workers WHERE kind = 'gateway' AND (status #>> '{counters,readings_stored}')::int > 0"
        )
        assert pair.sql(of_each)[0][0] >= 3, "each has had a share"
    finally:
        for name in NAMES[2:]:
            if name in pair.processes:
                pair.kill(name)
