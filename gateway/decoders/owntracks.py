"""OwnTracks: where a telephone is, from the app of that name.

Topics and fields as its booklet has them (docs/tech/json.md): `owntracks/{user}/{device}` and below it `/event`,
`/waypoint`, `/cmd` and others; the kind of message is its `_type`. What to know of it:

- `tst` is when the position was found, in seconds since 1970; seconds, degrees and metres may come as text;
- `batt: -1` is an unknown battery;
- positions are WGS 84: the apps hand on what the telephone's system gives;
- only the will (`lwt`) speaks of the connection, and never of its return: a position of the last minutes does;
- entering and leaving a region is a position for us: we have no event of that kind, and `event` and `desc` are unread;
- `encrypted` cannot be read, and is told.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.decoders.clocks import unix_time
from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, number
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import read_object

#: A position this fresh was not kept by the broker: the telephone is there.
_FRESH = timedelta(minutes=5)
_PLACED = frozenset({"location", "transition"})
#: Of the app, of regions and of others: nothing of the person.
_NOT_OURS = frozenset({"waypoint", "waypoints", "cmd", "configuration", "card", "beacon", "dump", "request", "status"})
_READ = frozenset({"_type", "lat", "lon", "acc", "batt", "tst", "topic", "tid"})


def speaks(topic: str, _payload: bytes) -> bool:
    return topic.startswith("owntracks/")


def decode(topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    """One message of one telephone, known as `user/device`."""
    return (_decode(topic, payload, now),)


def _decode(topic: str, payload: bytes, now: datetime) -> Decoded:
    if not payload:
        return Decoded(ignored="an empty message clears a retained topic")
    name = "/".join(topic.split("/")[1:3])
    fields = read_object(payload)
    if isinstance(fields, Flaw):
        return Decoded(name, flaws=(fields,))
    kind = str(fields.get("_type"))
    if kind in _PLACED:
        return _placed(name, topic, payload, fields, now)
    if kind == "lwt":
        return Decoded(name, status=Status(False))
    if kind == "steps":
        # Between two moments of the app's choice, not since midnight.
        return Decoded(name, unread=tuple(sorted(field for field in fields if field != "_type")))
    if kind in _NOT_OURS:
        return Decoded(ignored=f"{kind}: of the app and its regions, not of the person")
    if kind == "encrypted":
        told = "the telephone encrypts what it says: take the key out of its settings, and use TLS"
        return Decoded(name, flaws=(Flaw(Reason.WRONG_SHAPE, "data", told),))
    return Decoded(name, flaws=(Flaw(Reason.UNKNOWN_TYPE, "_type", f"_type {kind[:64]!r} is not known"),))


def _placed(name: str, topic: str, payload: bytes, fields: dict[str, Any], now: datetime) -> Decoded:
    draft = Draft(name, message_id(topic, payload), now)
    at = unix_time(fields.get("tst"))
    if fields.get("tst") is not None:
        draft.at(at, fields["tst"], "tst")
    draft.locate(fields.get("lat"), fields.get("lon"), fields.get("acc"))
    if fields.get("lat") is None or fields.get("lon") is None:
        draft.tell(Reason.WRONG_SHAPE, "lat", "a position without lat or lon")
    if number(fields.get("batt")) != -1:
        draft.measure("battery", fields.get("batt"), "batt")
    if at is not None and abs(now - at) <= _FRESH:
        draft.status = Status(True)
    return draft.done(sorted(field for field, value in fields.items() if field not in _READ and value is not None))
