"""Abeeway trackers and badges, firmware AT2 (ports 17 and 18) and AT3 (ports 3 and 19): SOS, position, battery, tamper.

Bytes as in the maker's decoders (norbertherbert/abeeway-driver, AT2 and AT3, 9579676). While its SOS mode lasts, every
frame says so: each is a call, and folds into the alert of the first, so that a lost first frame loses no press. Battery
in volts is unread: the contract has percent.
"""

from gateway.decoders.lorawan.uplink import Uplink, seconds, signed, unsigned

#: The port whose frames have their battery in volts; on port 18 it is in percent.
_AT2_VOLTS = 17
# AT2 message types
_FRAME_PENDING, _POSITION, _SHUTDOWN, _EVENT, _TEXT, _EXTENDED_POSITION = 0, 3, 9, 10, 13, 14
_KNOWN = frozenset({0, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15})
_AT2_SOS_START, _AT2_LOW_BATTERY = 7, 1
_GPS = 0
# AT3 message types
_NOTIFICATION, _AT3_POSITION = 1, 2
_AT3_KNOWN = frozenset({1, 2, 3, 4, 5})
_AT3_SUCCESS, _AT3_GNSS = 0, 10


def decode(uplink: Uplink) -> None:
    match uplink.port:
        case 17 | 18:
            _decode_at2(uplink)
        case 3 | 19:
            _decode_at3(uplink)
        case _:
            uplink.unknown("the port")


def _decode_at2(uplink: Uplink) -> None:
    data, draft = uplink.data, uplink.draft
    if len(data) < 2:
        uplink.cut_off("the header")
        return
    message = data[0]
    if message in (_FRAME_PENDING, _TEXT):
        uplink.unread.add("text" if message == _TEXT else "frame pending")
        return
    if data[1] & 0x10:
        draft.happened("sos")
    if message not in _KNOWN:
        uplink.unknown(f"message type {message}")
        return
    if len(data) < 5:
        uplink.cut_off("the header")
        return
    if uplink.port == _AT2_VOLTS:
        uplink.unread.add("battery voltage")
    elif data[2] not in (0, 255):  # charging, unknown
        draft.measure("battery", data[2])
    uplink.unread.add("temperature")
    _at2_message(uplink, message)


def _at2_message(uplink: Uplink, message: int) -> None:
    data, draft = uplink.data, uplink.draft
    if message in (_POSITION, _EXTENDED_POSITION):
        _at2_position(uplink)
    elif message not in (_EVENT, _SHUTDOWN):
        uplink.unread.add(f"message type {message}")
    elif len(data) < 6:
        uplink.cut_off("an event or a shutdown")
    elif (message, data[5]) == (_EVENT, _AT2_SOS_START):
        draft.happened("sos")
    elif (message, data[5]) == (_SHUTDOWN, _AT2_LOW_BATTERY):
        draft.happened("low_battery", {"shutdown": True})
    else:
        uplink.unread.add(f"{'event' if message == _EVENT else 'shutdown'} {data[5]}")


def _at2_position(uplink: Uplink) -> None:
    data = uplink.data
    extended = data[0] == _EXTENDED_POSITION
    if data[4] & 0x0F != _GPS:
        uplink.unread.add("position by Wi-Fi, Bluetooth or none")
    elif len(data) < (19 if extended else 13):
        uplink.cut_off("a position")
    elif not extended:
        # Three bytes of four: the lowest is left out.
        lat, lon = signed(data, 6, 3) * 256, signed(data, 9, 3) * 256
        uplink.draft.locate(lat / 1e7, lon / 1e7, round(data[12] * 1000 / 255, 1))
    else:
        # Its accuracy is a fraction of 1000 m in one form of the payload, and metres up to 250 in the other.
        accuracy = data[18] if data[7] & 2 else round(data[18] * 1000 / 255, 1)
        lost = data[7] & 2 and accuracy > 250
        uplink.draft.locate(signed(data, 8, 4) / 1e7, signed(data, 12, 4) / 1e7, None if lost else accuracy)


def _decode_at3(uplink: Uplink) -> None:
    data, draft = uplink.data, uplink.draft
    if data and data[0] & 0x40:
        draft.happened("sos")
    if len(data) < 4:
        uplink.cut_off("the header")
        return
    kind, multiple, buffered = data[0] >> 3 & 7, data[0] >> 7, data[1] >> 7
    if kind not in _AT3_KNOWN:
        uplink.unknown(f"message type {kind}")
        return
    if (battery := data[1] & 0x7F) not in (0, 127):  # charging, unknown
        draft.measure("battery", battery)
    if buffered:
        if len(data) < 6:
            uplink.cut_off("the header")
            return
        uplink.is_by_own_clock(seconds(unsigned(data, 2, 4)))
    # Else the time is of half a day, and the network's is as good.
    body = data[(6 if buffered else 4) :]
    if kind == _NOTIFICATION:
        _at3_notification(uplink, body)
    elif kind == _AT3_POSITION:
        _at3_position(uplink, body[multiple:])
    else:
        uplink.unread.add(f"message type {kind}")


def _at3_notification(uplink: Uplink, body: bytes) -> None:
    if not body:
        uplink.cut_off("a notification")
        return
    draft = uplink.draft
    match body[0]:  # class and type
        case 0x10:
            draft.happened("sos")
        case 0x01:
            draft.happened("low_battery")
        case 0x03 | 0x05 if len(body) < 2:
            uplink.cut_off("a notification")
        case 0x03 if body[1] & 1:
            draft.happened("tamper")
        case 0x05 if body[1] == 2:
            draft.happened("low_battery", {"shutdown": True})
        case other:
            uplink.unread.add(f"notification {other:#04x}")


def _at3_position(uplink: Uplink, body: bytes) -> None:
    if len(body) < 4:
        uplink.cut_off("a position")
        return
    if body[3] & 0x02:
        uplink.draft.happened("sos", {"trigger": "position for SOS"})
    if body[0] >> 5 & 3 != _AT3_SUCCESS or body[0] & 0x0F != _AT3_GNSS:
        uplink.unread.add("position by Wi-Fi, Bluetooth or none")
    elif len(body) < 20:
        uplink.cut_off("a position")
    elif body[19] >> 5:  # 0 is a fix that is not valid
        accuracy = body[18] if body[18] <= 250 else None
        uplink.draft.locate(signed(body, 4, 4) / 1e7, signed(body, 8, 4) / 1e7, accuracy)
