"""What the bytes of a thing model's message still say when they do not parse. Pure."""

import re
from collections.abc import Iterator

from gateway.decoders.model import EMERGENCIES
from gateway.decoders.thing_model_words import MEANINGS, YES, Alarm, Meanings, canonical

_VALUE = r'\s*:\s*(?:\{\s*"value"\s*:\s*)?("[^"]{0,32}"|true|1\b)'
_BROKEN_PROPERTY = re.compile(rf'"(\w{{2,32}})"{_VALUE}')
_BROKEN_NAME = re.compile(r'"(?:identifier|event_?type|event_?code|alarm_?type|method)"\s*:\s*"([\w.:]{2,64})"', re.I)
_BROKEN_CODE = re.compile(rf'"code"\s*:\s*"(\w{{2,32}})"[^{{}}]{{0,200}}"value"{_VALUE}')


def broken_alarms(text: str, meanings: Meanings) -> Iterator[str]:
    """The types of the emergencies that a text names as being so, in the way of any of the clouds."""
    for found in [*_BROKEN_PROPERTY.finditer(text), *_BROKEN_CODE.finditer(text)]:
        meaning = meanings.get(canonical(found[1])) or MEANINGS.get(canonical(found[1]))
        word = found[2].strip('"').lower()
        if isinstance(meaning, Alarm) and meaning.type in EMERGENCIES and word in meaning.yes | YES - meaning.no:
            yield meaning.type
    for found in _BROKEN_NAME.finditer(text):
        for part in re.split(r"[.:]", found[1]):
            if kind := named_emergency(part):
                yield kind


def named_emergency(identifier: str) -> str | None:
    """The type of the emergency that an identifier alone is the name of."""
    meaning = MEANINGS.get(canonical(identifier))
    return meaning.type if isinstance(meaning, Alarm) and meaning.type in EMERGENCIES else None


def hardware_id_in(payload: bytes, *fields: str) -> str | None:
    """The device that a message names in the first of these fields that it has."""
    text = payload.decode("utf-8", "replace")
    for field in fields:
        found = re.search(rf'"{field}"\s*:\s*"?([\w./:-]{{1,64}})', text, re.ASCII)
        if found:
            return found[1]
    return None
