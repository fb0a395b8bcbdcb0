"""`--press`, `--fall` and `--presses` against a real broker."""

import json
import re


async def test_a_press_is_told_stored_and_the_command_ends_well(simulate, peer):
    code, out, err = await (await simulate("--press", "wb-000")).ended()
    assert code == 0, err
    event = peer.payloads("wb-000", "up/events")[0]
    assert event["type"] == "sos"
    assert event["ts"].endswith("+08:00")
    assert event["seq"] == 1
    assert event["location"]["datum"] == "wgs84"
    assert f"{event['event_id']}  stored after" in out


async def test_each_receipt_is_a_line_of_json(simulate, peer):
    peer.answer = lambda event: ["stored", "raised", "seen", "acknowledged"]
    code, out, _ = await (await simulate("--press", "wb-001", "--json", "--until", "acknowledged")).ended()
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["stage"] for line in lines] == ["stored", "raised", "seen", "acknowledged"]
    assert all(line["device_id"] == "wb-001" and line["elapsed_ms"] > 0 and line["at"] for line in lines)


async def test_a_press_is_repeated_at_doubling_intervals_until_it_is_told_stored(simulate, peer):
    peer.answer = lambda event: []
    running = await simulate("--press", "wb-002", "--resend-first", "0.2", "--resend-longest", "0.8")
    await peer.until(lambda: len(peer.payloads("wb-002", "up/events")) == 5)
    events = peer.payloads("wb-002", "up/events")
    assert all(event == events[0] for event in events), "a repeat is the same to the byte"
    first, *repeats = peer.arrivals("wb-002", "up/events")
    # Never sooner; how much later a busy machine makes it proves nothing. The intervals themselves: test_resend.py.
    for at, earliest in zip(repeats, (0.2, 0.6, 1.4, 2.2), strict=True):
        assert at - first >= earliest - 0.15
    await peer.receipt("wb-002", events[0]["event_id"], "stored")
    code, _, err = await running.ended()
    assert code == 0, err


async def test_a_press_that_nobody_answers_ends_with_a_sentence(simulate, peer):
    peer.answer = lambda event: []
    code, _, err = await (await simulate("--press", "wb-000", "--timeout", "1")).ended()
    assert code == 1
    assert "was not told 'stored' within 1 s: sent 1 times, told nothing" in err


async def test_a_rejected_press_says_why_at_once(simulate, peer):
    peer.answer = lambda event: []
    running = await simulate("--press", "wb-000")
    await peer.until(lambda: bool(peer.payloads("wb-000", "up/events")))
    event_id = peer.payloads("wb-000", "up/events")[0]["event_id"]
    await peer.receipt("wb-000", event_id, "rejected", reason="unknown_device")
    code, _, err = await running.ended()
    assert code == 1
    assert "was told rejected (unknown_device)" in err


async def test_a_fall_is_cancelled_by_its_device(simulate, peer):
    peer.answer = lambda event: ["cancelled" if event["type"] == "cancel" else "stored"]
    code, _, err = await (await simulate("--fall", "one-fall_detector", "--cancel-after", "0.3")).ended()
    fall, cancel = peer.payloads("one-fall_detector", "up/events")
    assert code == 0, err
    assert (fall["type"], cancel["type"]) == ("fall", "cancel")
    assert cancel["cancels"] == fall["event_id"]
    assert cancel["seq"] == fall["seq"] + 1
    felt = fall["detail"]["acceleration"]
    assert felt["unit"] == "m/s2"
    assert len(felt["samples"]) / felt["rate_hz"] <= 10


async def test_a_press_made_while_the_broker_is_down_is_sent_when_it_is_back(simulate, peer, broker):
    broker.kill()
    running = await simulate("--press", "wb-003", "--timeout", "30")
    first_line = await running.process.stdout.readline()
    assert b"sos" in first_line, "it pressed without a connection"
    broker.start()
    code, _, err = await running.ended()
    assert code == 0, err


async def test_a_wrong_password_is_told(simulate, broker):
    running = await simulate(
        "--device", "wb-000", "--password", "wrong", "--mqtt-url", broker.url, "--press", "wb-000",
        "--timeout", "1", fleet=None,
    )  # fmt: skip
    code, _, err = await running.ended()
    assert code == 1
    assert "Not authorized" in err


async def test_a_storm_through_two_broker_kills_is_told_stored_to_the_last_press(simulate, peer, broker, tmp_path):
    out = tmp_path / "presses.jsonl"
    running = await simulate(
        "--presses", "200", "--rate", "50", "--out", str(out), "--seed", "1",
        "--resend-first", "0.3", "--resend-longest", "1",
    )  # fmt: skip
    for presses in (50, 120):
        await peer.until(lambda wanted=presses: sum(topic.endswith("events") for topic, *_ in peer.heard) > wanted)
        broker.kill()
        broker.start()
    code, printed, err = await running.ended()
    summary = json.loads(printed)
    assert code == 0, err
    assert (summary["presses"], summary["stored"], summary["lost"]) == (200, 200, 0)
    assert summary["p50_ms"] <= summary["p95_ms"] <= summary["p99_ms"]
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len({line["event_id"] for line in lines}) == 200
    assert all(line["stored_at"] >= line["sent_at"] >= line["pressed_at"] and line["sends"] >= 1 for line in lines)
    heard = {json.loads(payload)["event_id"] for topic, payload, _ in peer.heard if topic.endswith("events")}
    assert heard == {line["event_id"] for line in lines}


async def test_presses_that_are_lost_are_counted_and_fail_the_command(simulate, peer):
    peer.answer = lambda event: [] if event["seq"] == 2 else ["stored"]
    arguments = ("--presses", "6", "--rate", "100", "--only", "wb-004", "--only", "wb-005", "--timeout", "5")
    code, printed, _ = await (await simulate(*arguments)).ended()
    summary = json.loads(printed)
    assert code == 1
    assert (summary["presses"], summary["stored"], summary["lost"]) == (6, 4, 2)


async def test_a_visitor_leaves_no_session_with_the_broker(simulate, peer, broker):
    """A clean end drops the session: no queue is left for a client that never comes back."""
    code, _, _ = await (await simulate("--press", "wb-000")).ended()
    assert code == 0
    assert not peer.payloads("wb-000", "up/status"), "a visitor does not speak for the device's own connection"
    visits = re.findall(r" as (sim-\w+-wb-000) \(p2, (c[01])", broker.log_text())
    assert [clean for _, clean in visits] == ["c0", "c1"], "the last visit is the clean one"
    assert len({client_id for client_id, _ in visits}) == 1
