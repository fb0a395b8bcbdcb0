"""One reading of thing models (物模型) for all clouds: identifiers and values in, measurements and events out. Pure.

A cloud's own decoder finds out whose message it is and takes its envelope off; what the device says inside is a list
of properties and events, with identifiers that its maker chose. `thing_model_words` says what they mean. What it does
not know is unread; what sounds like an alarm and cannot be read is told.
"""

import json
import re
from binascii import crc32
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.decoders.family import Decoded, Draft, message_id, truth
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import is_believable, parse_time
from gateway.decoders.thing_model_broken import broken_alarms, named_emergency
from gateway.decoders.thing_model_words import (
    DATUMS,
    GROUPS,
    MEANINGS,
    MEASURES,
    NAMES_ALARM,
    NEVER_ZERO,
    NO,
    PLACED,
    PLACES,
    YES,
    Alarm,
    Meaning,
    Meanings,
    State,
    canonical,
    is_alarming,
)

#: More properties of a device than these in one message are told and not read.
MOST_SAID = 1000
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
#: What stands beside `value` where a value is wrapped with its time.
_TIMES = ("time", "t", "timestamp", "ts")
_BESIDE = frozenset({"value", "eventType", "bin_data"})
_NONE: Meanings = {}


def read_time(words: Any) -> datetime | None:
    """Milliseconds or seconds since 1970, as a number or its text; RFC 3339; yyyyMMddTHHmmssZ. Else None."""
    if isinstance(words, str):
        compact = _COMPACT.fullmatch(words.strip())
        if compact:
            return parse_time("{}-{}-{}T{}:{}:{}Z".format(*compact.groups()))
        if not words.strip().isascii() or not words.strip().isdigit():
            return parse_time(words.strip())
        words = int(words.strip()[:20])
    if isinstance(words, bool) or not isinstance(words, int | float):
        return None
    # A hundred thousand million seconds are the year 5138; as many milliseconds are 1973.
    seconds = words / 1000 if abs(words) >= 1e11 else words
    return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds < 1e11 else None


class _Moment:
    """What a device says of one instant."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.place: dict[str, Any] = {}
        self.names: set[str] = set()


class ThingModel:
    """What one device says in one message, property by property and event by event."""

    def __init__(self, message: "Message", hardware_id: str) -> None:
        self._message = message
        self._hardware_id = hardware_id
        self._moments: dict[str, _Moment] = {}
        self._flaws: list[Flaw] = []
        self._unread: set[str] = set()
        self._said = self._understood = 0
        self.status: Status | None = None

    def properties(self, named: Any, at: Any = None, path: str = "") -> None:
        """Properties by identifier, each bare or as {value, time}; `at` is the time of those that bring none."""
        if named is None:
            return
        if not isinstance(named, dict):
            self.tell(Reason.WRONG_SHAPE, path or None, f"properties are an object, not {str(named)[:80]!r}")
            return
        for identifier, given in named.items():
            for value, words in _unwrapped(given, at):
                # A call for help is not one thing too many.
                if self._counts() or named_emergency(str(identifier)):
                    self._property(str(identifier), value, words, path)

    def service(self, name: str, named: Any, at: Any = None) -> None:
        """Properties that stand together under a name: one that sounds like an alarm must say which."""
        before = self._understood, len(self._flaws)
        self.properties(named, at)
        silent = before == (self._understood, len(self._flaws))
        calm = isinstance(named, dict) and all(_word(value) in NO for value in named.values())
        if silent and not calm and _sounds(name):
            self.tell(Reason.UNKNOWN_TYPE, name, f"service {name} sounds like an alarm, and what it says is not known")

    def event(self, identifier: str, outputs: Any, at: Any = None, *, serious: bool = False) -> None:
        """An event of the model, with its output parameters or {value, time}. It happened by being said, unless a
        parameter of the same meaning says that it is over. `serious`: the model says that it is no mere news."""
        for value, words in _unwrapped(outputs, at):
            if self._counts() or named_emergency(identifier):
                self._event(identifier, value, words, serious)

    def tell(self, reason: Reason, field: str | None, detail: str) -> None:
        self._said += 1
        self._flaws.append(Flaw(reason, field, detail))

    def leave(self, field: str) -> None:
        """A field of which nothing is wanted."""
        self._said += 1
        self._unread.add(field)

    def done(self) -> Decoded:
        if not self._said and self.status is None:
            self.tell(Reason.EMPTY, None, "nothing is said of this device")
        parts = [self._finished(moment) for moment in self._moments.values()]
        # The flaws of the message go with each emergency in it, and stand once in the whole.
        return Decoded(
            self._hardware_id,
            tuple(reading for part in parts for reading in part.readings),
            tuple(event for part in parts for event in part.events),
            self.status,
            tuple(dict.fromkeys([*self._flaws, *(flaw for part in parts for flaw in part.flaws)])),
            tuple(sorted(self._unread)),
        )

    # One property --------------------------------------------------------------------------------------

    def _property(self, identifier: str, value: Any, at: Any, path: str) -> None:
        # What stands before a colon is the module of the model that it is in (Alink).
        name, field = canonical(identifier.rpartition(":")[2]), path + identifier
        meaning = self._message.meanings.get(name) or MEANINGS.get(name)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]  # Tuya's API gives ["5"] for 5
        if value is None or value == "":
            self._unread.add(field)  # unknown is not "all right", nor is it news
        elif name in MEASURES and not isinstance(value, dict):
            self._measure(MEASURES[name], value, at, field)
        elif meaning is not None:
            self._mean(meaning, value, at, field)
        elif name in PLACED:
            self._at(at).place[PLACED[name]] = (field, value)
        elif name in PLACES and isinstance(value, dict):
            placed = {key: part for key, part in value.items() if canonical(key) in PLACED}
            self.properties(placed, at, f"{field}.")
            self._unread.update([] if placed else [field])
        elif name in GROUPS and isinstance(value, dict):
            self.properties(value, at, f"{field}.")
        elif name in NAMES_ALARM:
            self._named_alarm(value, at, field)
        elif (is_alarming(identifier) and _word(value) not in NO) or _hides_alarm(value):
            self.tell(Reason.UNKNOWN_TYPE, field, f"{field} {str(value)[:80]!r} sounds like an alarm and is not known")
        else:
            self._unread.add(field)

    def _measure(self, measure: str, value: Any, at: Any, field: str) -> None:
        if measure in NEVER_ZERO and _word(value) in ("0", "0.0"):
            self._unread.add(field)
            return
        moment = self._at(at)
        moment.names.add(measure)
        moment.draft.measure(measure, value, field)

    def _mean(self, meaning: Meaning, value: Any, at: Any, field: str) -> bool | None:
        """Whether it is so; None for unknown, which is told."""
        so = self._reads(meaning, value, field)
        if so is None:
            return None
        self._understood += 1
        if isinstance(meaning, State):
            moment = self._at(at)
            if meaning.measure:
                moment.names.add(meaning.measure)
                moment.draft.measure(meaning.measure, so, field)
            self._happen(meaning.on if so else meaning.off, at, {field: value})
        elif so:
            self._happen(meaning.type, at, {field: value})
        return so

    def _reads(self, meaning: Meaning, value: Any, field: str) -> bool | None:
        if value is None or value == "":
            return None
        word = _word(value)
        for yes, no in ((meaning.yes, meaning.no), (YES, NO)):
            if word in yes or word in no:
                return word in yes
        self._said += 1
        return truth(field, value, self._flaws)

    def _named_alarm(self, value: Any, at: Any, field: str) -> None:
        """An alarm by its name, {"alarmType": "sos"}."""
        meaning = MEANINGS.get(canonical(value)) if isinstance(value, str) else None
        if isinstance(meaning, Alarm):
            self._happen(meaning.type, at, {field: value})
        elif _word(value) not in NO:
            self.tell(Reason.UNKNOWN_TYPE, field, f"{field} {str(value)[:80]!r} is not a known alarm")

    def _happen(self, kind: str, at: Any, detail: dict[str, Any]) -> None:
        self._understood += 1
        self._at(at).draft.happened(kind, detail)

    # One event -----------------------------------------------------------------------------------------

    def _event(self, identifier: str, outputs: Any, at: Any, serious: bool) -> None:
        name = canonical(identifier.rpartition(":")[2])
        meaning = self._message.meanings.get(name) or MEANINGS.get(name)
        named = outputs if isinstance(outputs, dict) else {} if outputs in (None, "") else {"value": outputs}
        before = self._understood, len(self._flaws)
        rest = dict(named)
        if isinstance(meaning, State) and "value" in rest:
            self._mean(meaning, rest.pop("value"), at, identifier)
        elif isinstance(meaning, Alarm):
            if not self._over(meaning, named, identifier):
                self._happen(meaning.type, at, named or {"event": identifier})
            # Its own parameters are read; one that names the alarm anew may say so in numbers of the maker's.
            own = {key for key in rest if self._same(meaning, key) or canonical(key) in NAMES_ALARM | {"value"}}
            rest = {key: part for key, part in rest.items() if key not in own}
        self.properties(rest, at, f"{identifier}." if identifier else "")
        if meaning is not None or before != (self._understood, len(self._flaws)):
            return
        if serious or _sounds(identifier):
            self.tell(Reason.UNKNOWN_TYPE, identifier, f"event {identifier} sounds like an alarm and is not known")
        elif not rest:
            self._unread.add(identifier)

    def _over(self, meaning: Alarm, outputs: dict[str, Any], identifier: str) -> bool:
        """Whether its parameters of the event's own meaning, or its bare value, all say that it is over."""
        said = [
            self._reads(meaning, part, f"{identifier}.{key}")
            for key, value in outputs.items()
            if self._same(meaning, key) or canonical(key) == "value"
            for part, _ in _unwrapped(value, None)
        ]
        return bool(said) and all(so is False for so in said)

    def _same(self, meaning: Alarm, identifier: str) -> bool:
        other = self._message.meanings.get(canonical(identifier)) or MEANINGS.get(canonical(identifier))
        return isinstance(other, Alarm) and other.type == meaning.type

    # Moments -------------------------------------------------------------------------------------------

    def _counts(self) -> bool:
        self._said += 1
        if self._said == MOST_SAID:
            self._flaws.append(Flaw(Reason.TOO_LARGE, None, f"more than {MOST_SAID} properties: send less at once"))
        return self._said < MOST_SAID

    def _at(self, words: Any) -> _Moment:
        """The moment that a device's word of time means; None is the message's own."""
        words = self._message.at if words is None else words
        instant = None if words is None else read_time(words)
        key = "" if words is None else instant.isoformat() if instant else f"words {words}"[:100]
        if key not in self._moments:
            message, now = self._message, self._message.now
            if instant is not None and is_believable(instant, now):
                # By device and time: the same press is the same event whichever way the cloud sent it.
                name = message_id(f"{message.family}/{self._hardware_id}", b"", key)
            else:
                name = message_id(message.topic, message.payload, f"{self._hardware_id} {key}")
            draft = Draft(self._hardware_id, name, now)
            if words is not None:
                draft.at(instant, words, "time")
            self._moments[key] = _Moment(draft)
        return self._moments[key]

    def _finished(self, moment: _Moment) -> Decoded:
        draft, place = moment.draft, moment.place
        draft.flaws.extend(flaw for flaw in self._flaws if flaw not in draft.flaws)
        if place:
            self._locate(draft, place)
            moment.names.add("location")
        if moment.names:
            # Two messages of the same second, one of the heart and one of the battery, do not contradict each other.
            draft.seq(crc32(",".join(sorted(moment.names)).encode()))
        return draft.done()

    @staticmethod
    def _locate(draft: Draft, place: dict[str, Any]) -> None:
        parts = {name: value for name, (_, value) in place.items()}
        datum = DATUMS.get(canonical(str(parts.get("datum", "wgs84"))))
        if "lat" not in parts or "lon" not in parts:
            field = next(iter(place.values()))[0]
            draft.tell(Reason.WRONG_SHAPE, field, "half a position: latitude and longitude belong together")
        elif datum is None:
            draft.tell(Reason.WRONG_TYPE, place["datum"][0], f"no known datum: {str(parts['datum'])[:80]!r}")
        else:
            draft.locate(parts["lat"], parts["lon"], parts.get("accuracy"), datum=datum)


class Message:
    """The devices that one message of a cloud speaks of, and what it says itself.

    `meanings` are the maker's own, before those that all have; `at` is the message's own word of time.
    """

    def __init__(
        self, family: str, topic: str, payload: bytes, now: datetime, meanings: Meanings = _NONE, at: Any = None
    ) -> None:
        self.family, self.topic, self.payload, self.now = family, topic, payload, now
        self.meanings, self.at = meanings, at
        self._devices: dict[str, ThingModel] = {}
        self._flaws: list[Flaw] = []

    @property
    def spoke(self) -> bool:
        """Whether anything was said, of a device or of the message."""
        return bool(self._devices or self._flaws)

    def of(self, hardware_id: str) -> ThingModel:
        if hardware_id not in self._devices:
            self._devices[hardware_id] = ThingModel(self, hardware_id)
        return self._devices[hardware_id]

    def tell(self, reason: Reason, field: str | None, detail: str) -> None:
        """Of the message, where it is not known whose it is."""
        self._flaws.append(Flaw(reason, field, detail))

    def salvaged(self, hardware_id: str | None, flaw: Flaw, event: str = "") -> Sequence[Decoded]:
        """What is left of a message that does not parse: the emergencies that its bytes, or the `event` in its topic,
        name all the same, with the flaw beside."""
        text = self.payload.decode("utf-8", "replace")
        kinds = dict.fromkeys(broken_alarms(text, self.meanings))
        if named := named_emergency(event):
            kinds[named] = None
        if not kinds:
            return (Decoded(hardware_id, flaws=(flaw,)),)
        draft = Draft(hardware_id or "", message_id(self.topic, self.payload), self.now)
        draft.flaws.append(flaw)
        for kind in kinds:
            draft.happened(kind, {"broken": text[:200]})
        decoded = draft.done()
        return (Decoded(hardware_id, events=decoded.events, flaws=decoded.flaws),)

    def done(self) -> Sequence[Decoded]:
        said = [device.done() for device in self._devices.values()]
        if self._flaws or not said:
            flaws = self._flaws or [Flaw(Reason.EMPTY, None, "this message speaks of no device")]
            said.append(Decoded(flaws=tuple(flaws)))
        return said


def text(value: Any) -> str:
    """The word that stands where one is expected, else none."""
    return value if isinstance(value, str) else ""


# Values -------------------------------------------------------------------------------------------------


def _unwrapped(given: Any, at: Any) -> Iterator[tuple[Any, Any]]:
    """(value, its time) of a value that is bare, wrapped as {value, time}, or a list of such."""
    if isinstance(given, list) and given and all(_is_wrapped(part) for part in given):
        for part in given:
            yield from _unwrapped(part, at)
    elif _is_wrapped(given):
        times = [given[name] for name in _TIMES if given.get(name) is not None]
        yield given["value"], times[0] if times else at
    else:
        yield given, at


def _is_wrapped(given: Any) -> bool:
    if not isinstance(given, dict) or "value" not in given:
        return False
    return any(name in given for name in _TIMES) or given.keys() <= _BESIDE


def _sounds(name: str) -> bool:
    return is_alarming(name) or canonical(name) in NAMES_ALARM


def _word(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().lower() if isinstance(value, str | int | float) else json.dumps(value, default=str)[:80]


def _hides_alarm(value: Any) -> bool:
    """Whether a structure that nobody reads has an emergency in it that is not plainly absent."""
    if not isinstance(value, dict | list):
        return False
    text = json.dumps(value, ensure_ascii=False)
    return any(True for _ in broken_alarms(text, _NONE))
