"""Dragino: TrackerD and LGT-92 trackers with an alarm button, door and leak sensors, the PB01 and PB05 buttons.

Bytes as in the maker's decoders (dragino/dragino-end-node-decoder, e81cc58; LGT-92 v1.6.4 by CampusIoT/payload-codec).
Numbers are big-endian. While a tracker's alarm lasts, every frame says so: each is a call, and folds into the alert of
the first. Battery in volts is unread: the contract has percent.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from gateway.decoders.lorawan.uplink import Codec, Uplink, seconds, signed, unsigned

_STATUS_PORT, _RECORDS_PORT, _CONFIGURATION_PORT = 5, 3, 4
#: What a tracker without GPS, its battery being low, sends for a degree.
_NO_GPS = 0x0FFFFFFF


def _has(uplink: Uplink, length: int) -> bool:
    if len(uplink.data) < length:
        uplink.cut_off("a frame")
    return len(uplink.data) >= length


# Trackers ----------------------------------------------------------------------------------------------


def _alarm_at(port: int | None, length: int) -> int | None:
    """The byte whose bit 6 is the alarm, by port; from version 1.5.4 on, frames with a position are longer."""
    match port:
        case 2 | 3:
            return 16 if length >= 19 else 8
        case 10:
            return 35 if length >= 37 else 21
        case 6:
            return 24
        case 7 | 9:
            return 0
        case 8:
            return 7
        case _:
            return None


def _tracker(uplink: Uplink) -> None:
    data, port = uplink.data, uplink.port
    if port == _STATUS_PORT:
        uplink.unread.add("status")
        return
    if port == 4:
        _track_record(uplink)
        return
    at = _alarm_at(port, len(data))
    if at is None:
        uplink.unknown("the port")
        return
    if port in (2, 3) and len(data) >= 8:
        _locate(uplink, uplink.draft.locate)
    if not _has(uplink, at + 2):
        return
    if data[at] & 0x40:
        uplink.draft.happened("sos", {"alarm": True})
    uplink.unread |= {"battery voltage", "motion"}


def _locate(uplink: Uplink, locate: Callable[[float, float], None]) -> None:
    lat, lon = signed(uplink.data, 0, 4), signed(uplink.data, 4, 4)
    if _NO_GPS not in (lat, lon):
        locate(lat / 1e6, lon / 1e6)


def _track_record(uplink: Uplink) -> None:
    """A position of the past: degrees, in longer frames speed and course, then year (2), month, day, h, min, s."""
    data = uplink.data
    at = 16 if len(data) >= 23 else 8
    if not _has(uplink, at + 7):
        return
    month, day, hour, minute, second = data[at + 2 : at + 7]
    try:
        then = datetime(unsigned(data, at, 2), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        then = None
    _locate(uplink, uplink.record(then, data).locate)


# Doors and leaks ---------------------------------------------------------------------------------------


def _door_or_leak(uplink: Uplink) -> None:
    """LDS02, LWL02: state and volts (2), mode (1 door, 2 leak, 3 both), times, minutes, alarm."""
    if uplink.port == 7:
        uplink.unread.add("counts")
        return
    if not _has(uplink, 3):
        return
    status, mode = uplink.data[0], uplink.data[2]
    if mode in (1, 3):
        uplink.draft.happened("door_open" if status & 0x80 else "door_closed")
    if mode in (2, 3) and status & 0x40:
        uplink.draft.happened("water_leak")
    if mode not in (1, 2, 3):
        uplink.unknown(f"mode {mode}")
    if _has(uplink, 10):
        uplink.unread |= {"battery voltage", "times", "open too long"}


def _doors(uplink: Uplink) -> None:
    """LDS03A, DS03A-LB: a door in 11 bytes, two in 18."""
    if not _timed(uplink, lambda status, happened: happened("door_open" if status & 1 else "door_closed")):
        return
    if len(uplink.data) >= 18:
        second = uplink.data[11] & 1
        uplink.draft.happened("door_open" if second else "door_closed", {"door": 2})


def _leaks(uplink: Uplink) -> None:
    """LWL03A, WL03A-LB, LWL04-LB."""
    _timed(uplink, lambda status, happened: happened("water_leak") if status & 1 else None)


def _timed(uplink: Uplink, say: Callable[[int, Callable[[str], None]], None]) -> bool:
    """Frames with a time: status, times (3), minutes (3), seconds since 1970 (4). Whether it was one of now."""
    data = uplink.data
    match uplink.port:
        case 5:
            uplink.unread.add("status")
        case 4:
            uplink.unread.add("configuration")
        case 3:
            for at in range(0, len(data), 11):
                row = data[at : at + 11]
                if len(row) < 11:
                    uplink.cut_off("a record")
                    break
                say(row[0], uplink.record(seconds(unsigned(row, 7, 4)), row).happened)
        case _ if not data:
            uplink.cut_off("a frame")
        case _:
            say(data[0], uplink.draft.happened)
            if _has(uplink, 11):
                uplink.is_by_own_clock(seconds(unsigned(data, 7, 4)))
                uplink.unread.add("times")
            return True
    return False


# Buttons -----------------------------------------------------------------------------------------------


def _button(uplink: Uplink) -> None:
    """PB01, PB05: volts (2), sounds, alarm, then what is pressed or the room's temperature."""
    if uplink.port == _STATUS_PORT:
        uplink.unread.add("status")
    elif uplink.port == _RECORDS_PORT:
        _button_records(uplink)
    elif _has(uplink, 4):
        uplink.unread.add("battery voltage")
        if uplink.data[3] & 1:
            uplink.pressed("single")


def _button_records(uplink: Uplink) -> None:
    """What could not be sent when it was pressed: 6 bytes, pressed or not, seconds since 1970 (4)."""
    for at in range(0, len(uplink.data), 11):
        row = uplink.data[at : at + 11]
        if len(row) < 11:
            uplink.cut_off("a record")
            return
        if row[6] & 1:
            uplink.pressed("single", uplink.record(seconds(unsigned(row, 7, 4)), row))


#: By model.
CODECS: dict[str, Codec] = {
    "TrackerD": _tracker,
    "LGT-92": _tracker,
    "LDS02": _door_or_leak,
    "LWL02": _door_or_leak,
    "LDS03A": _doors,
    "DS03A": _doors,
    "LWL03A": _leaks,
    "WL03A": _leaks,
    "LWL04": _leaks,
    "PB01": _button,
    "PB05": _button,
}
