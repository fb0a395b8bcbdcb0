"""A file as records and flaws, the same person or device twice among them. Pure: what is known comes as arguments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.registry.imports.cells import Cells
from services.registry.imports.columns import KINDS
from services.registry.imports.elders import ElderRecord, elder_of
from services.registry.imports.flaws import Flaw
from services.registry.imports.others import (
    AccountRecord,
    ContactRecord,
    DeviceRecord,
    OrganizationRecord,
    account_of,
    contact_of,
    device_of,
    organization_of,
)
from services.registry.imports.places import Places
from services.registry.imports.responders import ResponderRecord, responder_of
from services.registry.imports.rows import Rows, open_rows

Record = ElderRecord | ContactRecord | DeviceRecord | AccountRecord | OrganizationRecord | ResponderRecord


@dataclass(frozen=True, slots=True)
class Known:
    """What is there already and a row may name."""

    places: Places
    #: Words to the categories of the controlled list.
    categories: Mapping[str, str]
    today: date


@dataclass(slots=True)
class Reading:
    """A file that is read once, from the top; what is found on the way is noted here."""

    rows: Rows
    known: Known

    @property
    def ignored(self) -> tuple[str, ...]:
        return self.rows.header.ignored

    def __iter__(self) -> Iterator[tuple[Record | None, list[Flaw]]]:
        """Row by row: a record, or what is wrong with it. Raises FileFlawError where reading cannot go on."""
        seen: dict[Any, int] = {}
        kind = self.rows.kind.key
        for cells in self.rows:
            record = _record(kind, cells, self.known)
            if record is None or cells.flaws:
                yield None, cells.flaws
                continue
            first = _first_line(record, seen)
            if first is not None:
                mend = "请删除其中一行；若两行内容不同，请合并成一行"
                yield None, [Flaw(record.line, *_said(record, cells), f"与第 {first} 行重复", mend)]
                continue
            yield record, []


def read(kind: str, data: bytes, known: Known) -> Reading:
    """Raises FileFlawError."""
    return Reading(open_rows(KINDS[kind], data), known)


def _record(kind: str, cells: Cells, known: Known) -> Record | None:
    match kind:
        case "elders":
            return elder_of(cells, known.places, known.categories, known.today)
        case "contacts":
            return contact_of(cells, known.places, known.today)
        case "devices":
            return device_of(cells, known.places, known.today)
        case "accounts":
            return account_of(cells, known.places, known.today)
        case "responders":
            return responder_of(cells, known.places)
        case _:
            return organization_of(cells)


def _first_line(record: Record, seen: dict[Any, int]) -> int | None:
    """The line in which the same one was, if there is one; else it is noted."""
    keys = _keys(record)
    for key in keys:
        if key in seen:
            return seen[key]
    seen.update(dict.fromkeys(keys, record.line))
    return None


def _keys(record: Record) -> list[Any]:
    match record:
        case ElderRecord(identity=None):
            # Two who are called the same and were born on one day are told apart by their identity numbers alone.
            return [(record.organization_id, record.name, record.birth_date)]
        case ElderRecord(identity=identity):
            return [identity.number] if identity else []
        case ContactRecord():
            whose = record.whose
            elder = whose.identity.number if whose.identity else (whose.name, whose.birth_date, whose.organization_id)
            return [(elder, record.phone)]
        case DeviceRecord():
            hardware = [(record.source, record.hardware_id)] if record.source else []
            return [record.device_id, *hardware]
        case AccountRecord():
            # A caregiver of several elders has a row for each.
            return [(record.username, *(one.number for one in record.elders))]
        case ResponderRecord():
            return [(record.organization_id, record.phone)]
        case OrganizationRecord():
            return [(record.parent, record.name)]


def _said(record: Record, cells: Cells) -> tuple[str, str]:
    """Column and value by which two rows are the same."""
    names = cells.names
    match record:
        case ElderRecord():
            key, value = ("identity" if record.identity else "name"), record.name
        case ContactRecord() | ResponderRecord():
            key, value = "phone", record.phone
        case DeviceRecord():
            key, value = "device_id", record.device_id
        case AccountRecord():
            key, value = "username", record.username
        case OrganizationRecord():
            key, value = "name", record.name
    return names.get(key, ""), value
