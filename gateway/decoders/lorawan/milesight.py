"""Milesight: the WS101 button, the VS373 fall radar, door, leak, gas, smoke and bed sensors, the AT101 tracker.

A frame is a row of channels: an id, a type, and as many bytes as that channel has. What a channel means depends on the
model: `03 00` is a door of one, water of another. Tables as in the maker's decoders (Milesight-IoT/SensorDecoders,
e79c9d8), and VS373 alarms as in its user guide. Numbers are little-endian. Temperature and humidity are the room's.

- A channel of a call or a fall that is cut off, or comes after one that we do not know, is one all the same.
- The radar's "alarm deactivated" is a click on its page, not the elder who got up: it cancels nothing.
- An alarm of the radar that is no type of ours (motionless, dwelling, breathing) is told, not left unread.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.decoders.family import Draft
from gateway.decoders.lorawan.uplink import Codec, Uplink, seconds
from gateway.decoders.model import Reason

BED = "bed_sensor"


@dataclass(frozen=True, slots=True)
class Channel:
    """`read` is None for what concerns nobody's safety; that of an urgent channel must bear half of its bytes."""

    name: str
    length: int
    read: Callable[[Uplink, Draft, bytes], None] | None = None
    urgent: bool = False


# What a channel's bytes say -----------------------------------------------------------------------------


def _battery(_uplink: Uplink, draft: Draft, value: bytes) -> None:
    draft.measure("battery", value[0])


def _press(uplink: Uplink, _draft: Draft, value: bytes) -> None:
    word = {1: "short", 2: "long", 3: "double"}.get(value[0]) if value else None
    if word is None:
        uplink.unknown("the kind of a press")
    uplink.pressed(word or "unknown")


def _press_of(uplink: Uplink, _draft: Draft, value: bytes) -> None:
    uplink.pressed(f"button {value[0]}" if value else "unknown")


def _state(name: str, yes: str, no: str | None = None) -> Callable[[Uplink, Draft, bytes], None]:
    """A byte that is 1 for `yes` and 0 for `no`."""

    def read(_uplink: Uplink, draft: Draft, value: bytes) -> None:
        if value[0] == 1:
            draft.happened(yes)
        elif value[0] != 0:
            draft.tell(Reason.UNKNOWN_TYPE, name, f"{name} must be 0 or 1, not {value[0]}")
        elif no is not None:
            draft.happened(no)

    return read


_leak, _door = _state("leakage_status", "water_leak"), _state("magnet_status", "door_open", "door_closed")
_gas, _tamper = _state("gas_status", "gas"), _state("tamper_status", "tamper")


def _occupancy(uplink: Uplink, draft: Draft, value: bytes) -> None:
    """A seat or a desk of most; a bed of what is enrolled as a bed sensor."""
    if uplink.kind != BED:
        uplink.unread.add("occupancy")
    elif value[0] in (0, 1):
        draft.measure("in_bed", value[0] == 1, "occupancy")
    else:
        draft.tell(Reason.UNKNOWN_TYPE, "occupancy", f"occupancy must be 0 or 1, not {value[0]}")


def _fault(_uplink: Uplink, draft: Draft, value: bytes) -> None:
    words = {0: "without power", 2: "faulty", 4: "near its end of life", 5: "at its end of life"}.get(value[0])
    if words is not None:
        draft.tell(Reason.UNKNOWN_TYPE, "alarm", f"the gas detector is {words}: see to it")


def _detection(uplink: Uplink, draft: Draft, value: bytes) -> None:
    match value[0] if value else None:
        case 4:
            draft.happened("fall", {"detection_status": "fall"})
        case 2 | 3 as status:
            draft.measure("in_bed", status == 2, "detection_status")
        case 0 | 1:
            uplink.unread.add("detection_status")
        case other:
            draft.tell(Reason.UNKNOWN_TYPE, "detection_status", f"detection_status {other} is not known")
    uplink.unread.add("target_status")


_ALARMS = {0: "fall", 1: "motionless", 2: "dwell", 3: "out of bed", 4: "occupied", 5: "vacant"} | {
    6: "bradypnea", 7: "tachypnea", 8: "lying",
}  # fmt: skip
_ALARM_IS = {"fall": "fall", "lying": "fall", "out of bed": "bed_out"}
_TRIGGERED, _OVER = 1, (2, 3, 4)


def _alarm(uplink: Uplink, draft: Draft, value: bytes) -> None:
    """alarm_id (2), alarm_type, alarm_status, region."""
    number, status = (value[at] if len(value) > at else None for at in (2, 3))
    uplink.unread |= radar_alarm(draft, number, status, int.from_bytes(value[:2], "little"))


def radar_alarm(draft: Draft, number: int | None, status: int | None, alarm_id: int | None) -> set[str]:
    """What the radar alarms of, by the maker's numbers; what is unread. An unknown status is taken for an alarm."""
    word = _ALARMS.get(number) if number is not None else None
    if word is None:
        draft.tell(Reason.UNKNOWN_TYPE, "alarm_type", f"alarm type {number} is not known")
        return set()
    if status in _OVER or word in ("occupied", "vacant"):
        return {f"{word} {'over' if status in _OVER else 'reported'}"}
    if status != _TRIGGERED:
        draft.tell(Reason.UNKNOWN_TYPE, "alarm_status", f"alarm status {status} is not known: taken for an alarm")
    if word in _ALARM_IS:
        draft.happened(_ALARM_IS[word], {"alarm": word, "alarm_id": alarm_id})
    else:
        draft.tell(Reason.UNKNOWN_TYPE, "alarm_type", f"the radar alarms of {word}, for which there is no event")
    return set()


def _respiration(uplink: Uplink, draft: Draft, value: bytes) -> None:
    if value[0] in (2, 3, 4):  # normal, fast, slow; else there is none
        draft.measure("respiratory_rate", int.from_bytes(value[1:3], "little") / 100)
    else:
        uplink.unread.add("respiratory_status")


def _position(uplink: Uplink, draft: Draft, value: bytes) -> None:
    lat, lon = struct.unpack_from("<ii", value)
    if (lat, lon) != (-1, -1):
        draft.locate(lat / 1e6, lon / 1e6)
    uplink.unread.add("motion_status")


# Buffered records: their time, then what they say ------------------------------------------------------


def _when(value: bytes) -> int:
    return int.from_bytes(value[:4], "little")


def _past_state(read: Callable[[Uplink, Draft, bytes], None]) -> Callable[[Uplink, Draft, bytes], None]:
    """Time, temperature (2), humidity, state."""

    def record(uplink: Uplink, _draft: Draft, value: bytes) -> None:
        read(uplink, uplink.record(seconds(_when(value)), value), value[7:])

    return record


def _past_alarm(uplink: Uplink, draft: Draft, value: bytes) -> None:
    if len(value) < 4:
        _alarm(uplink, draft, b"")
    else:
        _alarm(uplink, uplink.record(seconds(_when(value)), value), value[4:])


def _past_position(uplink: Uplink, _draft: Draft, value: bytes) -> None:
    lon, lat = struct.unpack_from("<ii", value, 4)
    if (lat, lon) != (-1, -1):
        uplink.record(seconds(_when(value)), value).locate(lat / 1e6, lon / 1e6)


# Models ------------------------------------------------------------------------------------------------

_ID = {
    b"\xff\x01": Channel("protocol version", 1),
    b"\xff\x08": Channel("serial number", 6),
    b"\xff\x09": Channel("hardware version", 2),
    b"\xff\x0a": Channel("firmware version", 2),
    b"\xff\x0b": Channel("power on", 1),
    b"\xff\x0f": Channel("LoRaWAN class", 1),
    b"\xff\x16": Channel("serial number", 8),
    b"\xff\xfe": Channel("reset", 1),
    b"\xff\xff": Channel("TSL version", 2),
    b"\x01\x75": Channel("battery", 1, _battery),
}
# Answers to what was configured, of either id.
_ANSWERS = {0x03: 2, 0x04: 1, 0x10: 1, 0x11: 4, 0x28: 1, 0x2F: 1, 0x35: 8, 0x3E: 1, 0x40: 1, 0x42: 1, 0x64: 1} | {
    0x69: 1, 0x6A: 3, 0x74: 1, 0x84: 1, 0x8E: 3, 0x96: 8,
}  # fmt: skip
_COMMON = {bytes((id_, kind)): Channel("configuration", length) for id_ in (0xFE, 0xFF) for kind, length in
           _ANSWERS.items()} | _ID  # fmt: skip
_ROOM = {
    b"\x03\x67": Channel("temperature", 2),
    b"\x04\x68": Channel("humidity", 1),
    b"\x83\x67": Channel("temperature_alarm", 3),
}
_PAST = b"\x20\xce"
_LEAK = _ROOM | {b"\x05\x00": Channel("leakage_status", 1, _leak), _PAST: Channel("record", 8, _past_state(_leak))}
_SEAT = {b"\x03\x00": Channel("occupancy", 1, _occupancy)}
_BUTTONS = {b"\xff\x34": Channel("press", 3, _press_of, urgent=True)}

_MODELS: dict[str, Mapping[bytes, Channel]] = {
    "WS101": {b"\xff\x2e": Channel("press", 1, _press, urgent=True)},
    "WS136": _BUTTONS,
    "WS156": _BUTTONS,
    "WS301": {b"\x03\x00": Channel("magnet_status", 1, _door), b"\x04\x00": Channel("tamper_status", 1, _tamper)},
    "WS303": {b"\x03\x00": Channel("leakage_status", 1, _leak)},
    "EM300-SLD": _LEAK,
    "EM300-ZLD": _LEAK,
    "EM300-MLD": _LEAK,
    "EM300-MCS": _ROOM
    | {b"\x06\x00": Channel("magnet_status", 1, _door), _PAST: Channel("record", 8, _past_state(_door))},
    "GS101": {
        b"\x05\x8e": Channel("gas_status", 1, _gas),
        b"\x06\x01": Channel("valve_status", 1),
        b"\x07\x01": Channel("relay_output_status", 1),
        b"\x08\x90": Channel("life_remain", 4),
        b"\xff\x3f": Channel("alarm", 1, _fault),
    },
    "VS373": {
        b"\x03\xf8": Channel("detection", 6, _detection, urgent=True),
        b"\x07\xb0": Channel("detection", 8, _detection, urgent=True),
        b"\x06\xfb": Channel("alarm", 5, _alarm, urgent=True),
        b"\x08\xb1": Channel("respiration", 3, _respiration),
        b"\x04\xf9": Channel("region occupancy", 4),
        b"\x05\xfa": Channel("region out of bed time", 8),
        b"\x09\xb2": Channel("region type", 6),
        b"\x0a\xb3": Channel("region occupancy", 5),
        b"\x0b\xb4": Channel("region out of bed time", 9),
        b"\x0c\xb4": Channel("region out of bed time", 9),
        _PAST: Channel("record", 9, _past_alarm, urgent=True),
    },
    "VS330": {
        b"\x02\x82": Channel("distance", 2),
        b"\x03\x8e": Channel("occupancy", 1, _occupancy),
        b"\x04\x8e": Channel("calibration", 1),
    },
    "VS340": _SEAT,
    "VS341": _SEAT,
    "VS370": {b"\x03\x00": Channel("occupancy", 1), b"\x04\x00": Channel("illuminance", 1)},
    "WS202": {b"\x03\x00": Channel("motion", 1), b"\x04\x00": Channel("daylight", 1)},
    "WS203": _ROOM | {b"\x05\x00": Channel("occupancy", 1), _PAST: Channel("record", 9)},
    "AT101": _ROOM
    | {
        b"\x04\x88": Channel("position", 9, _position),
        b"\x84\x88": Channel("position", 9, _position),
        b"\x05\x00": Channel("tilt", 1),
        b"\x06\xd9": Channel("Wi-Fi scan", 9),
        b"\x07\x00": Channel("tamper_status", 1, _tamper),
        _PAST: Channel("record", 12, _past_position),
    },
}


def _decode(channels: Mapping[bytes, Channel], uplink: Uplink) -> None:
    data, at = uplink.data, 0
    while at < len(data):
        channel = channels.get(data[at : at + 2])
        if channel is None:
            uplink.unknown(f"channel {data[at : at + 2].hex()} at byte {at}")
            _rescue(channels, uplink, at + 1)
            return
        value = data[at + 2 : at + 2 + channel.length]
        if len(value) < channel.length:
            uplink.cut_off(channel.name)
            if channel.urgent and channel.read is not None:
                channel.read(uplink, uplink.draft, value)
            return
        if channel.read is None:
            uplink.unread.add(channel.name)
        else:
            channel.read(uplink, uplink.draft, value)
        at += 2 + channel.length


def _rescue(channels: Mapping[bytes, Channel], uplink: Uplink, at: int) -> None:
    """A call or a fall in what follows a channel that we do not know."""
    for key, channel in channels.items():
        if channel.urgent and channel.read is not None and (found := uplink.data.find(key, at)) >= 0:
            channel.read(uplink, uplink.draft, uplink.data[found + 2 : found + 2 + channel.length])


def _smoke(uplink: Uplink) -> None:
    """GS524N: versions, message type and sensor type, battery, concentration, temperature, and a sum that is 0."""
    data, draft = uplink.data, uplink.draft
    message = data[1] & 0x0F if len(data) > 1 else None
    if len(data) != 6 or sum(data) % 256:
        draft.tell(Reason.WRONG_SHAPE, "data", f"{data.hex()} has not 6 bytes with a sum of 0")
    else:
        draft.measure("battery", data[2])
        uplink.unread |= {"concentration", "temperature"}
    match message:
        case 1 | 2:  # one that was silenced by hand may burn still
            draft.happened("smoke", {"silenced": message == 2})
        case 4:
            draft.happened("low_battery")
        case 10:
            draft.happened("tamper")
        case 14 | 15:
            draft.happened("test")
            if message == 15:
                draft.happened("low_battery")
        case 5:
            draft.tell(Reason.UNKNOWN_TYPE, "event", "the smoke detector is faulty: see to it")
        case 7 | 11 | None:
            pass
        case other:
            draft.tell(Reason.UNKNOWN_TYPE, "event", f"message type {other} is not known")


def _codec(channels: Mapping[bytes, Channel]) -> Codec:
    known = {**_COMMON, **channels}
    return lambda uplink: _decode(known, uplink)


#: By model.
CODECS: dict[str, Codec] = {model: _codec(channels) for model, channels in _MODELS.items()} | {"GS524N": _smoke}
