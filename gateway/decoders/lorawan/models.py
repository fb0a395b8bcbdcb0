"""Which maker's decoder reads a device, by the words that name its model; and what becomes of a frame. Pure."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from gateway.decoders.family import Decoded, Draft, Enrolment
from gateway.decoders.lorawan import abeeway, dragino, fields, home, milesight, sensecap
from gateway.decoders.lorawan.uplink import Codec, Uplink
from gateway.decoders.model import Flaw, Reason

CODECS: dict[str, Codec] = {
    **milesight.CODECS,
    **dragino.CODECS,
    **home.CODECS,
    "T1000": sensecap.decode,
    "SenseCAPT1000": sensecap.decode,
    "Abeeway": abeeway.decode,
}
#: Blanks, hyphens and case do not matter; a letter or digit before it, or a digit after it, makes it another model.
_PATTERNS = tuple(
    (re.compile(r"(?<![A-Z0-9])" + "[-_ ]?".join(map(re.escape, model.split("-"))) + r"(?!\d)", re.IGNORECASE), codec)
    for model, codec in CODECS.items()
)
#: The most that a LoRaWAN frame can have.
_MOST = 255


def codec_for(words: Sequence[str]) -> Codec | None:
    """The decoder of the first of `words` (a model, a profile's name, tags) that names a model we know."""
    for word in words:
        for pattern, codec in _PATTERNS:
            if pattern.search(word):
                return codec
    return None


def decode_frame(
    draft: Draft,
    now: datetime,
    enrolment: Enrolment,
    *,
    port: object,
    data: object,
    given: object,
    names: Sequence[object],
) -> tuple[Decoded, ...]:
    """What a frame says: its bytes where we know the model, else what the network server decoded, by its names.

    `data` is base64 as the network server sends it, None or empty in a frame without payload; `given` is what it
    decoded itself, `names` what it calls the model. `enrolment.model` comes first.
    """
    frame, flaw = _bytes(data)
    if flaw is not None:
        draft.flaws.append(flaw)
    number = port if isinstance(port, int) and not isinstance(port, bool) else None
    uplink = Uplink(draft.hardware_id, number, frame or b"", enrolment.kind, now, draft)
    words = [word for word in (enrolment.model, *names) if isinstance(word, str) and word]
    codec = codec_for(words)
    if codec is not None and frame:
        codec(uplink)
    elif isinstance(given, Mapping) and given:
        fields.read(uplink, given)
    elif frame:
        told = f"no decoder for model {words[0][:64]!r}" if words else "no model"
        how = "enrol the device with its model, or name the model in its device profile"
        draft.tell(Reason.UNKNOWN_TYPE, "model", f"{told}, {len(frame)} bytes on port {number} not read: {how}")
    return uplink.done()


def best_rssi(receptions: object) -> int | float | None:
    """The strongest of what the gateways received, in dBm; None where none says."""
    if not isinstance(receptions, list):
        return None
    found = [_dbm(reception.get("rssi")) for reception in receptions if isinstance(reception, Mapping)]
    return max((value for value in found if value is not None), default=None)


def _dbm(value: object) -> int | float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and -150 <= value <= 0:
        return value
    return None


def _bytes(data: object) -> tuple[bytes | None, Flaw | None]:
    if data is None or data == "":
        return None, None
    try:
        if not isinstance(data, str):
            raise TypeError("not text")
        frame = base64.b64decode(data, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        return None, Flaw(Reason.WRONG_TYPE, "data", f"the frame is not base64 ({error}): {str(data)[:64]!r}")
    if len(frame) > _MOST:
        return None, Flaw(Reason.TOO_LARGE, "data", f"{len(frame)} bytes; a LoRaWAN frame has at most {_MOST}")
    return frame, None
