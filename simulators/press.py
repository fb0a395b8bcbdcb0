"""`--press` and `--fall`: one event from a device, and every receipt it gets."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulators.clock import steady
from simulators.fleet import Fleet
from simulators.mqtt import wait_any
from simulators.payloads import Receipt, timestamp
from simulators.watch import Track, Watch

CONNECT_SECONDS = 5.0  # then, or when it fails, the device presses all the same, and sends later


@dataclass(frozen=True)
class Presses:
    press: Sequence[str] = ()
    """Devices that send an SOS."""
    fall: Sequence[str] = ()
    cancel_after: float | None = None
    """Seconds after which a fall is cancelled by its device."""
    until: str = "stored"
    timeout: float = 60.0
    """Seconds from the press (and from the cancel) to the stage that is waited for."""
    as_json: bool = False


async def press(fleet: Fleet, wanted: Presses, show: Callable[[str], None]) -> list[str]:
    """Press, and show each receipt as it comes. Returns a sentence for each event without its stage."""

    def on_receipt(track: Track, receipt: Receipt) -> None:
        show(as_json(track, receipt) if wanted.as_json else as_text(track, receipt))

    watch = Watch(fleet, on_receipt=on_receipt)
    devices = [*wanted.press, *wanted.fall]
    await asyncio.gather(*(wait_any(fleet.connections[name].tried, seconds=CONNECT_SECONDS) for name in devices))

    def tell(device_id: str, event_type: str, until: str, **extra: str) -> Track:
        at = fleet.setting.clock.now()
        track = watch.tell(device_id, event_type, at, until=until, **extra)
        if not wanted.as_json:
            show(f"{device_id}  {event_type} {track.event_id} at {timestamp(at)}")
        return track

    for device_id in wanted.press:
        tell(device_id, "sos", wanted.until)
    falls = [tell(device_id, "fall", wanted.until) for device_id in wanted.fall]
    if wanted.cancel_after is not None:
        await asyncio.sleep(wanted.cancel_after)
        for fall in falls:
            tell(fall.device_id, "cancel", "stored", cancels=fall.event_id)
    started = max(track.pressed for track in watch.tracks)
    await watch.settled(max(0.0, started + wanted.timeout - steady()))
    return [_failure(fleet, track, wanted.timeout) for track in watch.tracks if not track.reached]


def as_text(track: Track, receipt: Receipt) -> str:
    words = " ".join(word for word in (receipt.message, receipt.reason) if word)
    event = f"{track.device_id}  {track.type} {track.event_id}"
    return f"{event}  {receipt.stage} after {_elapsed(track)} ms  {words}"


def as_json(track: Track, receipt: Receipt) -> str:
    line = {
        "device_id": track.device_id,
        "event_id": track.event_id,
        "stage": receipt.stage,
        "at": receipt.at,
        "elapsed_ms": _elapsed(track),
    }
    if receipt.reason is not None:
        line["reason"] = receipt.reason
    return json.dumps(line, ensure_ascii=False)


def _elapsed(track: Track) -> float:
    return round((steady() - track.pressed) * 1000, 1)


def _failure(fleet: Fleet, track: Track, timeout: float) -> str:
    event = f"{track.device_id}: {track.type} {track.event_id}"
    if hopeless := track.hopeless:
        why = f" ({track.reason})" if track.reason else ""
        return f"{event} was told {hopeless}{why}, so {track.until!r} can't come any more"
    told = ", ".join(track.stages) or "nothing"
    trouble = fleet.connections[track.device_id].trouble
    connection = f"; the connection: {trouble}" if trouble else ""
    limit = f"was not told {track.until!r} within {timeout:g} s"
    return f"{event} {limit}: sent {track.sends} times, told {told}{connection}"
