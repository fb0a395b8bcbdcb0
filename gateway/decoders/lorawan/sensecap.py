"""Seeed SenseCAP T1000-A/B and T1000-E: SOS, position, battery.

Frames as in the maker's decoder (Seeed-Solution/SenseCAP-Decoder, T1000/TTN, bceda3d) and its wiki (T1000_payload). An
uplink may have several frames, each named by its first byte; numbers are big-endian. Wi-Fi and Bluetooth scans name
neighbours' hardware, and resolving them needs a service: unread.
"""

from collections.abc import Callable
from typing import NamedTuple

from gateway.decoders.lorawan.uplink import Uplink, seconds, signed, unsigned

#: Ports of the modem's own services: not the tracker's word.
_MODEM_PORTS = frozenset({192, 199})
_SOS, _PRESS_ONCE = 0x40, 0x80
#: moving, stopped, motionless, shock, temperature, light
_OTHER_EVENTS = 0x3F
#: A position that is not there.
_NO_DEGREES = -(2**31)


class _Frame(NamedTuple):
    """Where things stand in a frame, counted from its first byte; None: it has none."""

    length: int | Callable[[bytes], int]
    #: the byte with SOS and press once
    events: int | None = None
    time: int | None = None
    longitude: int | None = None
    battery: int | None = None


def _scans(at: int, none: int) -> Callable[[bytes], int]:
    """The length of a frame that ends in scans of 7 bytes each, their number at `at`."""
    return lambda data: none + 7 * unsigned(data, at, 1)


_FRAMES = {
    0x01: _Frame(47, battery=1),
    0x02: _Frame(16, battery=1),
    0x03: _Frame(32),
    0x04: _Frame(10),
    0x05: _Frame(5, battery=1),
    0x06: _Frame(22, events=3, time=5, longitude=9, battery=21),
    0x07: _Frame(42, events=3, time=5, battery=41),
    0x08: _Frame(35, events=3, time=5, battery=34),
    0x09: _Frame(18, events=3, time=5, longitude=9, battery=17),
    0x0A: _Frame(38, events=3, time=5, battery=37),
    0x0B: _Frame(31, events=3, time=5, battery=30),
    0x0D: _Frame(5),
    0x0E: _Frame(lambda data: 5 + unsigned(data, 4, 1)),
    0x0F: _Frame(17, events=3, time=5, battery=13),
    0x10: _Frame(13, events=3, time=5, battery=9),
    0x11: _Frame(14, events=4, time=5, battery=13),
    0x1A: _Frame(28, events=3, time=5, longitude=9, battery=27),
    0x1B: _Frame(48, events=3, time=5, battery=47),
    0x1C: _Frame(41, events=3, time=5, battery=40),
    0x1D: _Frame(20, events=4, time=5, battery=19),
    # T1000-E
    0x1E: _Frame(13, battery=1),
    0x1F: _Frame(21, events=1, longitude=13, battery=2),
    0x20: _Frame(_scans(13, 14), events=1, battery=2),
    0x21: _Frame(_scans(13, 14), events=1, battery=2),
    0x22: _Frame(15, events=1, longitude=7, battery=2),
    0x23: _Frame(_scans(7, 8), events=1, battery=2),
    0x24: _Frame(_scans(7, 8), events=1, battery=2),
    0x25: _Frame(13, events=1, battery=2),
    0x26: _Frame(7, events=1, battery=2),
}


def decode(uplink: Uplink) -> None:
    if uplink.port in _MODEM_PORTS:
        uplink.unread.add("modem")
        return
    rest = uplink.data
    while rest:
        frame = _FRAMES.get(rest[0])
        if frame is None:
            uplink.unknown(f"frame {rest[0]:#04x}")
            return
        length = frame.length if isinstance(frame.length, int) else frame.length(rest)
        _read(uplink, frame, rest[:length])
        if len(rest) < length:
            uplink.cut_off(f"frame {rest[0]:#04x}")
            return
        rest = rest[length:]


def _read(uplink: Uplink, frame: _Frame, data: bytes) -> None:
    """What stands in the bytes of one frame, which may end early."""
    draft = uplink.draft
    if frame.time is not None and len(data) >= frame.time + 4:
        uplink.is_by_own_clock(seconds(unsigned(data, frame.time, 4)))
    if frame.events is not None and len(data) > frame.events:
        events = data[frame.events]
        if events & _SOS:
            draft.happened("sos")
        if events & _PRESS_ONCE:
            uplink.pressed("single")
        if events & _OTHER_EVENTS:
            uplink.unread.add("motion, shock, temperature or light event")
    if frame.longitude is not None and len(data) >= frame.longitude + 8:
        lon, lat = signed(data, frame.longitude, 4), signed(data, frame.longitude + 4, 4)
        if _NO_DEGREES not in (lon, lat):
            draft.locate(lat / 1e6, lon / 1e6)
    if frame.battery is not None and len(data) > frame.battery:
        draft.measure("battery", data[frame.battery])
    if frame.events is None:
        uplink.unread.add(f"frame {data[0]:#04x}")
    elif frame.longitude is None:
        uplink.unread.add("position by Wi-Fi, Bluetooth or none")
