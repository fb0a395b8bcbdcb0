"""Finding people and devices among hundreds of thousands: by any part of a name, its initials, a telephone number or an
address. What is asked becomes the numbers that the index `elders_grams` has (0019_records.sql)."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from services.registry import reach
from services.registry.reach import Caller
from services.registry.sealing import Keys
from services.registry.telephones import digits_of, sought
from services.storage.pool import Connection

_BELOW = f"""
SELECT array_agg(o.id), count(*) = (SELECT count(*) FROM organizations) FROM organizations o
WHERE {reach.ORGANIZATION_O} AND (%(below)s::uuid IS NULL OR %(below)s = ANY(o.path))
"""
_GRAMS = "elder_grams(p.name, p.name_initials, p.phone, p.address)"
_TEXT = (
    "lower(coalesce(p.name, '') || ' ' || coalesce(p.name_initials, '') || ' '"
    " || CASE WHEN left(p.phone, 1) = '~' THEN '' ELSE translate(coalesce(p.phone, ''), '-() +', '') END"
    " || ' ' || coalesce(p.address, ''))"
)
_WORDS = 4


@dataclass(slots=True)
class Conditions:
    """What a WHERE is made of, and the values in it."""

    parts: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, part: str, **values: Any) -> None:
        self.parts.append(part)
        self.values |= values

    def __str__(self) -> str:
        return " AND ".join(self.parts) or "true"


async def add_reach(
    connection: Connection, caller: Caller, conditions: Conditions, alias: str, below: UUID | None
) -> None:
    """`alias.organization_id` is within the caller's reach, and is or is below `below`. Organisations are looked up
    first: the planner sees how many rows they are, and reads by their index or by the order of the list."""
    if not caller.parameters["reach_people"]:
        if alias == "p" and caller.parameters["reach_climbed"]:
            conditions.add(reach.ELDER_P, **caller.parameters)
            if below is not None:
                conditions.add("p.organization_id = %(below)s", below=below)
            return
        key = "id" if alias == "p" else "elder_id"
        conditions.add(f"{alias}.{key} = ANY(%(reach_elders)s::uuid[])", **caller.parameters)
        if below is not None:
            conditions.add(f"{alias}.organization_id = %(below)s", below=below)
        return
    row = await (await connection.execute(_BELOW, caller.parameters | {"below": below})).fetchone()
    assert row is not None
    organizations, everything = row
    if not everything:
        conditions.add(f"{alias}.organization_id = ANY(%(organizations)s::uuid[])", organizations=organizations or [])


def add_elder_search(conditions: Conditions, search: str | None, keys: Keys) -> None:
    """Every word has to be somewhere in the name, its initials or the address of `p`, or be a telephone number of
    theirs or of a contact's, or its last four digits; of a number that is not sealed yet any part will do."""
    for place, word in enumerate(words_of(search)):
        name, grams = f"word{place}", grams_of(word)
        written = f"strpos({_TEXT}, %({name})s) > 0"
        values: dict[str, Any] = {name: word}
        if grams:
            written = f"{written} AND {_GRAMS} @> %(grams{place})s::integer[]"
            values[f"grams{place}"] = grams
        if len(word) >= 4 and word.isdecimal() and keys:
            mark = f"%(marks{place})s::bytea[]"
            values[f"marks{place}"] = sought(keys, word)
            theirs = f"SELECT k.elder_id FROM elder_contacts k WHERE k.phone_marks && {mark} LIMIT 2000"
            written = f"({written} OR p.phone_marks && {mark} OR p.id = ANY(array({theirs})))"
        conditions.add(written, **values)


def add_device_search(conditions: Conditions, search: str, keys: Keys) -> None:
    """By any part of the id of `d`, or by what finds the elder who has it."""
    own = "strpos(lower(d.device_id), lower(%(search)s)) > 0"
    if len(search) > 1:
        # In this order: where the list is read in its own order, the cheap one is asked first.
        own = f"{own} AND elder_grams('', '', '', d.device_id) @> %(own_grams)s::integer[]"
        conditions.values["own_grams"] = grams_of(search.lower())
    theirs = Conditions()
    add_elder_search(theirs, search, keys)
    conditions.add(
        f"(({own}) OR d.elder_id = ANY(array(SELECT p.id FROM elders p WHERE {theirs} LIMIT 2000)))",
        search=search,
        **theirs.values,
    )


def words_of(search: str | None) -> list[str]:
    """In lower case; a telephone number without what is between its digits."""
    text = (search or "").lower()
    digits = "".join(character for character in text if character not in "- ()+")
    if len(digits) >= 5 and digits.isdecimal():
        return [digits_of(digits)]
    return text.split()[:_WORDS]


def grams_of(word: str) -> list[int]:
    """As elder_grams() makes them: each two neighbours; of one character that character, if it can be of a name."""
    if len(word) == 1:
        return [] if word.isascii() else [_gram(word, "")]
    return sorted({_gram(one, other) for one, other in pairwise(word)})


def _gram(one: str, other: str) -> int:
    number = ((ord(one) << 11) ^ (ord(other) if other else 0)) & 0xFFFF_FFFF
    return number - 0x1_0000_0000 if number >= 0x8000_0000 else number
