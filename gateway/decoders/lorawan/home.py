"""Smoke, leak and door sensors of Nexelec (Insafe Origin), MClimate, Netvox (R718WB) and MerryIoT (DW10, MS10, WL10).

Bytes as in the makers' drivers (actility/device-catalog, vendors/nexelec, mclimate, merryiot) and in Netvox's guide
(thingsboard/data-converters, VENDORS/Netvox/R718WB). Batteries in volts are unread: the contract has percent.
"""

from gateway.decoders.lorawan.uplink import Codec, Uplink
from gateway.decoders.model import Reason


def _insafe(uplink: Uplink) -> None:
    """0xa2, the kind of message, then bits from the highest down."""
    data, draft = uplink.data, uplink.draft
    if data[0] != 0xA2:
        uplink.unknown(f"product {data[0]:#04x}")
        return
    message = data[1] if len(data) > 1 else None
    if message == 3 and len(data) > 2:
        if data[2] & 0x80:  # smoke; bit 5 says that it is a test
            draft.happened("test" if data[2] & 0x20 else "smoke")
        if data[2] & 0x10:
            draft.tell(Reason.UNKNOWN_TYPE, "maintenance", "the smoke detector wants maintenance: see to it")
        uplink.unread.add("maintenance")
    elif message == 0 and len(data) > 8:
        if data[5] & 0x80:
            draft.tell(Reason.UNKNOWN_TYPE, "fault", "the smoke detector is faulty: see to it")
        if data[8] >> 6 >= 2:  # low, critical
            draft.happened("low_battery")
        uplink.unread.add("status")
    elif message in (None, 0, 3):
        uplink.cut_off("a message")
    elif message > 8:
        uplink.unknown(f"message type {message}")
    else:
        uplink.unread.add(f"message type {message}")


def _mclimate_flood(uplink: Uplink) -> None:
    """Bits of the first byte: reason (3: 0 alive, 1 test button, 2 flood, 3 fraud), box opened 0x08, flood 0x02."""
    status = uplink.data[0]
    if status & 0x02 or status >> 5 == 2:
        uplink.draft.happened("water_leak")
    if status & 0x08 or status >> 5 == 3:
        uplink.draft.happened("tamper")
    if status >> 5 == 1:
        uplink.draft.happened("test")
    if status >> 5 > 3:
        uplink.unknown(f"reason {status >> 5}")
    uplink.unread.add("battery voltage")


def _netvox_leak(uplink: Uplink) -> None:
    """Port 6: version, device type, kind of report; of data (1): volts with bit 7 for low, then 1 for a leak."""
    data = uplink.data
    if uplink.port != 6:
        uplink.unread.add("configuration")
    elif len(data) < 3 or (data[2] == 1 and len(data) < 5):
        uplink.cut_off("a report")
    elif data[2] == 0:
        uplink.unread.add("version")
    elif data[1] != 0x12 or data[2] != 1:
        uplink.unknown(f"device type {data[1]:#04x}, report {data[2]}")
    else:
        if data[3] & 0x80:
            uplink.draft.happened("low_battery")
        if data[4]:
            uplink.draft.happened("water_leak")
        uplink.unread.add("battery voltage")


#: The port of each MerryIoT sensor, and what its lowest bit is: true, false.
_MERRYIOT = {120: ("door_open", "door_closed"), 126: ("water_leak", None), 122: (None, None)}


def _merryiot(uplink: Uplink) -> None:
    """Bits of the first byte: state 0x01, test button 0x02, tamper 0x04."""
    if uplink.port == 204:
        uplink.unread.add("version")
        return
    if uplink.port not in _MERRYIOT:
        uplink.unknown("the port")
        return
    status, (on, off) = uplink.data[0], _MERRYIOT[uplink.port]
    if (happened := on if status & 0x01 else off) is not None:
        uplink.draft.happened(happened)
    if status & 0x04:
        uplink.draft.happened("tamper")
    uplink.unread |= {"battery voltage", "temperature", "humidity"}


#: By model.
CODECS: dict[str, Codec] = {
    "Insafe": _insafe,
    "MClimate-Flood": _mclimate_flood,
    "R718WB": _netvox_leak,
    "DW10": _merryiot,
    "MS10": _merryiot,
    "WL10": _merryiot,
}
