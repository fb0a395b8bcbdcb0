"""Anything on every topic, over the real broker, never stops the gateway."""

import json
import os
import random
import time
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.contract.test_decoder_properties import anything, as_bytes, event_like, reading_like
from tests.contract.test_events import SEVERITIES
from tests.parts.system import Device, Person, System, event
from tests.parts.waiting import until

LEAVES = ("readings", "events", "status", "results")
#: In the suite; `make soak` sets ANHU_SOAK_SECONDS.
SECONDS = float(os.environ.get("ANHU_SOAK_SECONDS", "12"))


def _mutated(payload: bytes, number: int) -> bytes:
    """A valid payload with some bytes changed, cut, doubled or put in."""
    chance = random.Random(number)
    altered = bytearray(payload)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(altered)) if altered else 0
        match chance.randrange(4):
            case 0 if altered:
                altered[place] = chance.randrange(256)
            case 1:
                del altered[place:]
            case 2:
                altered[place:place] = altered[: chance.randrange(40)]
            case _:
                altered[place:place] = bytes([chance.randrange(256)])
    return bytes(altered)


#: Each round begins from its own number: the same messages in each run, as many as the time allows.
ROUND = settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
# See test_decoder_properties.py.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

valid = st.sampled_from(
    [as_bytes(event(kind)) for kind in SEVERITIES]
    + [as_bytes({"ts": "2026-11-22T03:20:00Z", "heart_rate": 70, "location": {"lat": 29.5, "lon": 106.5}})]
    + [b'{"online": true}', b'{"command_id": "c", "status": "done"}']
)
payloads = (
    st.binary(max_size=300)
    | anything.map(as_bytes)
    | event_like.map(as_bytes)
    | reading_like.map(as_bytes)
    | st.builds(_mutated, valid, st.integers(0, 2**32))
)


@pytest.mark.timeout(SECONDS + 120)
def test_anything_on_every_topic_never_stops_the_gateway(wristband: Device, operator: Person, system: System) -> None:
    pids = {name: process.pid for name, process in system.processes.items() if name in ("gateway", "alerts", "api")}
    sent = 0

    def send(leaf: str, payload: bytes) -> None:
        nonlocal sent
        wristband.send(payload, leaf)
        sent += 1

    deadline = time.monotonic() + SECONDS
    for number in count():
        seed(number)(ROUND(given(st.sampled_from(LEAVES), payloads)(send)))()
        if time.monotonic() > deadline:
            break
    assert sent >= 50, "enough was sent to be worth the name"
    # It takes a press after all of that, from the same device and behind all that it sent.
    pressed = event("smoke")
    wristband.send(pressed)
    wristband.receipt(pressed["event_id"], "stored", limit=60)
    assert operator.alert_of(pressed["event_id"], limit=60)["severity"] == "red"
    wristband.send({"ts": pressed["ts"], "seq": 424242, "heart_rate": 71}, "readings")
    found = {"from": pressed["ts"], "limit": 10_000}
    path = f"/devices/{wristband.device_id}/readings"
    until(
        lambda: [one for one in operator.get(path, **found)["items"] if one["seq"] == 424242],
        "a reading behind all of that",
        limit=60,
        every=0.1,
    )
    assert {name: system.processes[name].pid for name in pids} == pids
    assert all(system.processes[name].poll() is None for name in pids)
    ready = until(system.is_ready, "the system is ready", limit=30, every=0.1)
    assert ready
    # Nothing was swallowed: each event was stored or rejected, and nothing waits or fails for ever.
    [(waiting,)] = system.sql("SELECT count(*) FROM event_queue WHERE device_id = %s", wristband.device_id)
    assert waiting == 0
    print(f"fuzzing: {sent} messages in {SECONDS:.0f} s; {_kept(system, wristband)}")


def _kept(system: System, device: Device) -> dict[str, Any]:
    rows = system.sql("SELECT reason, count(*) FROM quarantine WHERE device_id = %s GROUP BY 1", device.device_id)
    return json.loads(json.dumps(dict(rows)))
