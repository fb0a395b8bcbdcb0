"""The device families, by name, and how a message tells which it is of. Pure."""

from datetime import datetime

from gateway.decoders import native, zigbee2mqtt
from gateway.decoders.family import Decoded, Decoder
from gateway.decoders.model import Event, Flaw, Reason, Status
from gateway.topics import PREFIX, Leaf, parse_up


def _native(topic: str, payload: bytes, now: datetime, _kind: str | None = None) -> Decoded:
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


DECODERS: dict[str, Decoder] = {"native": _native, "zigbee2mqtt": zigbee2mqtt.decode}


def recognise(topic: str) -> str | None:
    """The family that speaks on such a topic, where its makers leave the base topic as it is."""
    if topic.startswith(f"{PREFIX}/"):
        return "native"
    if topic.startswith("zigbee2mqtt/"):
        return "zigbee2mqtt"
    return None
