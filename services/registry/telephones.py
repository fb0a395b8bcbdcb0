"""Telephone numbers at rest, on screens and in searches.

A column holds `~key:…`, sealed by that key, or a plain number: one from before there were keys, which `anhu upkeep`
seals. So whoever reads accepts both, and what cannot be opened is told in the number's place: a card without a number
would say that there is none.
"""

import base64
import binascii
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from services.registry.sealing import Keys, KeysError

log = logging.getLogger(__name__)

SEALED: Final = "~"
UNREADABLE: Final = "号码打不开，请联系技术人员"
#: Columns that hold a number.
FIELDS: Final = ("phone", "doctor_phone")

_AREA_CODE = re.compile(r"0(?:10|2[0-9]|[3-9][0-9]{2})([0-9]{7,8})")
_NOT_DIGITS = re.compile(r"[^0-9]")
_LAST = 4
_told: set[str] = set()


def sealed(keys: Keys, phone: str | None) -> str | None:
    """What goes into a column; without keys the number as it is."""
    return sealed_each(keys, phone)[0] if phone and keys else phone


def sealed_each(keys: Keys, phone: str) -> list[str]:
    """As the number may stand in a column: by the key in use, by those before it."""
    names = keys.ordered
    told = [base64.b64encode(secret).decode() for secret in keys.seal_same(phone)]
    return [f"{SEALED}{name}:{text}" for name, text in zip(names, told, strict=True)]


def is_sealed(stored: str) -> bool:
    return stored.startswith(SEALED)


def sealed_by(stored: str) -> str:
    """The name of the key."""
    return stored[len(SEALED) :].partition(":")[0]


def opened_or_raise(keys: Keys, stored: str | None) -> str | None:
    """The number. Raises KeysError when its key is not among ours."""
    if stored is None or not is_sealed(stored):
        return stored
    name, _, text = stored[len(SEALED) :].partition(":")
    try:
        return keys.open_same(name, base64.b64decode(text, validate=True))
    except binascii.Error:
        raise KeysError("a telephone number was sealed in a form that this version does not know") from None


def opened(keys: Keys, stored: str | None) -> str | None:
    """The number, or the words that it cannot be opened."""
    try:
        return opened_or_raise(keys, stored)
    except KeysError as error:
        if (why := str(error)) not in _told:
            _told.add(why)
            log.error("a telephone number cannot be opened: %s", why)
        return UNREADABLE


def masked(phone: str | None) -> str | None:
    """138****0000; who knows the number knows it again."""
    if phone is None or phone == UNREADABLE:
        return phone
    places = [place for place, character in enumerate(phone) if character.isdigit()]
    first, last = (3, _LAST) if len(places) > 3 + _LAST else (0, 2)
    hidden = set(places[first : max(first, len(places) - last)])
    return "".join("*" if place in hidden else character for place, character in enumerate(phone))


def shown(keys: Keys, row: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """A row with its own numbers and those of its `contacts` opened, and masked unless `whole`."""

    def one(stored: str | None) -> str | None:
        number = opened(keys, stored)
        return number if whole else masked(number)

    told = dict(row) | {name: one(row[name]) for name in FIELDS if name in row}
    if row.get("contacts"):
        told["contacts"] = [contact | {"phone": one(contact["phone"])} for contact in row["contacts"]]
    return told


def marks(keys: Keys, *phones: str | None) -> list[bytes]:
    """What the numbers are found by, hashed with the key in use; none without keys."""
    if not keys:
        return []
    return sorted({keys.hash(text) for phone in phones if phone for text in _found_by(digits_of(phone))})


def sealed_contact(keys: Keys, contact: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON that SQL takes apart."""
    told = [mark.hex() for mark in marks(keys, contact["phone"])]
    return dict(contact) | {"phone": sealed(keys, contact["phone"]), "marks": told}


def sought(keys: Keys, digits: str) -> list[bytes]:
    """The marks of what somebody looks for: a whole number, or its last four digits."""
    if len(digits) == _LAST:
        return keys.hashes(f"tel4 {digits}")
    return keys.hashes(f"tel {digits}")


def digits_of(phone: str) -> str:
    """Without what is between the digits, and without the country's code before a mobile number."""
    digits = _NOT_DIGITS.sub("", phone)
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


def _found_by(digits: str) -> Iterable[str]:
    yield f"tel {digits}"
    if local := _AREA_CODE.fullmatch(digits):
        yield f"tel {local[1]}"
    if len(digits) > _LAST:
        yield f"tel4 {digits[-_LAST:]}"


def kept_as_masked(said: str, numbers: Iterable[str]) -> str:
    """A form that was shown masked numbers sends them back: what is masked the same is the number that is there. What
    fits none stays as it is said, and is refused as no number."""
    return next((number for number in numbers if "*" in said and masked(number) == said), said)
