"""The Things Stack v3: v3/{app}@{tenant}/devices/{device}/{up|join|down/…|location/solved|service/data}, in JSON.

Fields as in its API (TheThingsNetwork/lorawan-stack, api/ttn/lorawan/v3/messages.proto, 1d21821); its webhooks post the
same bodies. What the frames say is in lorawan/. Its traps:

- `received_at` inside `uplink_message` is the network server's, the outer one a little later;
- `dev_eui` is in capitals, and missing where a device has none: then its `device_id` stands for it;
- fields that are 0, false or empty are left out; fractions of a second have nine digits;
- `up/normalized` repeats what `up` said.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, object_of
from gateway.decoders.lorawan.models import best_rssi, decode_frame
from gateway.decoders.model import Flaw, Reason
from gateway.decoders.native import parse_time, read_object

_TOPIC = re.compile(r"v3/[^/]+/devices/([^/]+)/(.+)")
_EUI = re.compile(r"[0-9a-fA-F]{16}")
#: What comes of the same instant as a frame, without being it, is told apart by its `seq`.
_LOCATION_SEQ = 2
#: What a message is, by the field that holds it.
_NETWORK = (
    "uplink_normalized", "join_accept", "downlink_ack", "downlink_nack", "downlink_sent", "downlink_failed",
    "downlink_queued", "downlink_queue_invalidated", "service_data",
)  # fmt: skip


def speaks(topic: str, payload: bytes) -> bool:
    return bool(_TOPIC.fullmatch(topic)) or b'"end_device_ids"' in payload


def decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Sequence[Decoded]:
    """One message of one device, whose hardware id is its dev_eui in lower case, else its device_id."""
    named = _TOPIC.fullmatch(topic)
    fields = read_object(payload)
    if isinstance(fields, Flaw):
        return (Decoded(_by_topic(named), flaws=(fields,)),)
    ids = object_of(fields.get("end_device_ids"))
    hardware_id = _hardware_id(ids) or _by_topic(named)
    if hardware_id is None:
        told = "neither dev_eui nor device_id says whose it is"
        return (Decoded(flaws=(Flaw(Reason.WRONG_SHAPE, "end_device_ids", told),)),)
    uplink = fields.get("uplink_message")
    if isinstance(uplink, Mapping):
        return _up(hardware_id, payload, fields, uplink, now, enrolled)
    if isinstance(solved := fields.get("location_solved"), Mapping):
        draft = Draft(hardware_id, message_id(topic, payload), now)
        _at(draft, fields.get("received_at"))
        draft.seq(_LOCATION_SEQ)
        place = object_of(solved.get("location"))
        draft.locate(place.get("latitude"), place.get("longitude"), place.get("accuracy"))
        return (draft.done(),)
    for name in _NETWORK:
        if name in fields:
            return (Decoded(hardware_id, ignored=f"{name}: the network speaks of itself"),)
    told = "no uplink_message, join_accept, downlink_…, location_solved or service_data"
    return (Decoded(hardware_id, flaws=(Flaw(Reason.WRONG_SHAPE, None, told),)),)


def _up(
    hardware_id: str,
    payload: bytes,
    fields: Mapping[str, Any],
    uplink: Mapping[str, Any],
    now: datetime,
    enrolled: Enrolled,
) -> tuple[Decoded, ...]:
    draft = Draft(hardware_id, _name(hardware_id, fields, uplink, payload), now)
    _at(draft, uplink.get("received_at") or fields.get("received_at") or object_of(uplink.get("settings")).get("time"))
    draft.measure("rssi", best_rssi(uplink.get("rx_metadata")))
    data = uplink.get("frm_payload")
    if uplink.get("app_s_key") and data:
        told = "the frame is still encrypted: do not skip payload crypto for this device"
        draft.tell(Reason.WRONG_TYPE, "frm_payload", told)
        data = None
    version = object_of(uplink.get("version_ids"))
    brand, model = version.get("brand_id"), version.get("model_id")
    return decode_frame(
        draft,
        now,
        enrolled(hardware_id),
        port=uplink.get("f_port"),
        data=data,
        given=uplink.get("decoded_payload"),
        names=(f"{brand} {model}",) if brand or model else (),
    )


def _at(draft: Draft, time: object) -> None:
    """The network's time. Without one a call is of the arrival, and told apart from the next one by that."""
    draft.at(parse_time(time) if isinstance(time, str) else None, time, "received_at")


def _name(hardware_id: str, fields: Mapping[str, Any], uplink: Mapping[str, Any], payload: bytes) -> str:
    """A frame that is delivered again has the name that it had: by its session and counter."""
    session = uplink.get("session_key_id") or object_of(fields.get("end_device_ids")).get("dev_addr")
    if not session:
        return message_id(hardware_id, payload)
    data = str(uplink.get("frm_payload")).encode()
    return message_id(hardware_id, data, f"{session} {uplink.get('f_cnt', 0)}")


def _hardware_id(ids: Mapping[str, Any]) -> str | None:
    eui, device = ids.get("dev_eui"), ids.get("device_id")
    if isinstance(eui, str) and _EUI.fullmatch(eui):
        return eui.lower()
    return _by_device_id(device) if isinstance(device, str) and device else None


def _by_topic(named: re.Match[str] | None) -> str | None:
    return _by_device_id(named[1]) if named else None


def _by_device_id(device: str) -> str:
    """A device_id is `eui-` and the dev_eui where nobody chose another."""
    eui = device.removeprefix("eui-")
    return eui.lower() if _EUI.fullmatch(eui) else device
