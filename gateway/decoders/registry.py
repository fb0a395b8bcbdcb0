"""The device families, by name, and how a message tells which it is of. Pure.

A family is a file of its own, with `decode` and `speaks`; what it becomes is in docs/devices.md.
"""

from collections.abc import Sequence
from datetime import datetime

from gateway.decoders import (
    alink,
    chirpstack,
    ctwing,
    esphome,
    iotda,
    milesight,
    native,
    onenet,
    owntracks,
    shelly,
    tasmota,
    theengs,
    thethingsstack,
    tuya,
    watch,
    watch_iw,
    zigbee2mqtt,
)
from gateway.decoders.family import Decoded, Enrolled, Family
from gateway.decoders.model import Event, Flaw, Reason, Status
from gateway.topics import PREFIX, Leaf, parse_up


def _native(topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    return (_native_one(topic, payload, now),)


def _native_one(topic: str, payload: bytes, now: datetime) -> Decoded:
    to = parse_up(topic)
    if to is None:
        return Decoded(flaws=(Flaw(Reason.UNKNOWN_TOPIC, None, "want anhu/v1/{device_id}/up/…"),))
    match to.leaf:
        case Leaf.READINGS:
            readings, flaws = native.decode_readings(payload, now)
            return Decoded(to.device_id, tuple(readings), flaws=tuple(flaws))
        case Leaf.EVENTS:
            event = native.decode_event(payload, now)
            events = (event,) if isinstance(event, Event) else ()
            return Decoded(to.device_id, events=events, flaws=event.flaws)
        case Leaf.STATUS:
            status = native.decode_status(payload)
            if isinstance(status, Status):
                return Decoded(to.device_id, status=status)
            return Decoded(to.device_id, flaws=(status,))
        case Leaf.RESULTS:
            result = native.decode_result(payload)
            return Decoded(to.device_id, flaws=(result,) if isinstance(result, Flaw) else ())


FAMILIES: dict[str, Family] = {
    "native": Family(_native, lambda topic, _payload: topic.startswith(f"{PREFIX}/")),
    "zigbee2mqtt": Family(zigbee2mqtt.decode, zigbee2mqtt.speaks),
    "chirpstack": Family(chirpstack.decode, chirpstack.speaks),
    "thethingsstack": Family(thethingsstack.decode, thethingsstack.speaks),
    "milesight": Family(milesight.decode, milesight.speaks),
    "watch": Family(watch.decode, watch.speaks),
    "watch_iw": Family(watch_iw.decode, watch_iw.speaks),
    "alink": Family(alink.decode, alink.speaks),
    "iotda": Family(iotda.decode, iotda.speaks),
    "onenet": Family(onenet.decode, onenet.speaks),
    "ctwing": Family(ctwing.decode, ctwing.speaks),
    "tuya": Family(tuya.decode, tuya.speaks),
    "theengs": Family(theengs.decode, theengs.speaks),
    "tasmota": Family(tasmota.decode, tasmota.speaks),
    "shelly": Family(shelly.decode, shelly.speaks),
    "owntracks": Family(owntracks.decode, owntracks.speaks),
    # Last: its topics begin with what its builder chose.
    "esphome": Family(esphome.decode, esphome.speaks),
}


def recognise(topic: str, payload: bytes) -> str | None:
    """The name of the first family that may have said this, where its makers' topics were left as they are."""
    return next((name for name, family in FAMILIES.items() if family.speaks(topic, payload)), None)
