"""Administrative divisions (统计用区划代码) from files that the operator names, as a tree of organisations. Pure.

A code is of 12 digits at most: 2 for a province, 2 for a city, 2 for a district, 3 for a street, 3 for a community.
What stands below is written as zeros or left out: 500000, 5001, 500111, 500111001 and 500111001003 are all codes.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.registry.imports.csv_table import decoded
from services.registry.imports.flaws import FileFlawError

_LEVELS = (2, 4, 6, 9, 12)
_TIERS = {2: "city", 4: "city", 6: "district", 9: "street", 12: "community"}
_CODE_NAMES = frozenset({"code", "代码", "区划代码", "统计用区划代码", "行政区划代码"})
_NAME_NAMES = frozenset({"name", "名称", "单位名称", "区划名称"})


class DivisionsError(ValueError):
    """What is wrong with the files or the choice, in one English sentence."""


@dataclass(frozen=True, slots=True)
class Division:
    """`prefix`: the code without the zeros of what stands below."""

    prefix: str
    name: str

    @property
    def code(self) -> str:
        """As organizations.division_code has it: 6, 9 or 12 digits."""
        return self.prefix.ljust(6, "0")

    @property
    def tier(self) -> str:
        return _TIERS[len(self.prefix)]


@dataclass(frozen=True, slots=True)
class Node:
    division: Division
    parent: Division | None


def read_divisions(name: str, data: bytes) -> list[Division]:
    """Rows of a CSV with the columns `code` and `name`; others are not looked at. Raises DivisionsError."""
    try:
        text = decoded(data)
    except FileFlawError:
        raise DivisionsError(f"{name}: the encoding cannot be told: save it as UTF-8") from None
    rows = csv.reader(io.StringIO(text, newline=""))
    header = [cell.strip().lower() for cell in next(rows, [])]
    code_at = next((place for place, cell in enumerate(header) if cell in _CODE_NAMES), None)
    name_at = next((place for place, cell in enumerate(header) if cell in _NAME_NAMES), None)
    if code_at is None or name_at is None:
        raise DivisionsError(
            f"{name}: the first line must name the columns `code` and `name`; it has {', '.join(header)}"
        )
    found = []
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) <= max(code_at, name_at) or not row[name_at].strip():
            raise DivisionsError(f"{name}, line {rows.line_num}: a code or a name is missing")
        try:
            prefix = prefix_of(row[code_at])
        except DivisionsError as error:
            raise DivisionsError(f"{name}, line {rows.line_num}: {error}") from None
        found.append(Division(prefix, row[name_at].strip()))
    return found


def prefix_of(code: str) -> str:
    """Raises DivisionsError."""
    digits = code.strip().strip("'")
    if re.fullmatch(r"[0-9.]+[eE]\+?[0-9]+", digits):
        raise DivisionsError(f"{digits}: a spreadsheet has made a number of the code: use the original file")
    if not re.fullmatch(r"[0-9]+", digits) or len(digits) not in _LEVELS:
        raise DivisionsError(f"{digits!r} is no division code: want 2, 4, 6, 9 or 12 digits")
    whole = digits.ljust(12, "0")
    level = next(
        (at for at in _LEVELS if not whole[at:].strip("0")),
        12,
    )
    return whole[:level]


def plan(divisions: Iterable[Division], chosen: Sequence[str]) -> list[Node]:
    """The chosen divisions, all below them, and what stands above them in the files; parents first.

    Raises DivisionsError when a chosen code is in no file, or when a division's parent is in none though a sister's is.
    """
    by_prefix: dict[str, Division] = {}
    for division in divisions:
        other = by_prefix.setdefault(division.prefix, division)
        if other.name != division.name:
            raise DivisionsError(f"{division.code} is {other.name} in one place and {division.name} in another")
    wanted = [prefix_of(code) for code in chosen]
    for prefix in wanted:
        if not any(one.startswith(prefix) for one in by_prefix):
            raise DivisionsError(f"no file has the division {prefix.ljust(6, '0')} or anything below it")
    kept = {
        prefix: one
        for prefix, one in by_prefix.items()
        if not wanted or any(prefix.startswith(choice) or choice.startswith(prefix) for choice in wanted)
    }
    nodes = []
    for prefix in sorted(kept, key=lambda prefix: (len(prefix), prefix)):
        above = [prefix[:level] for level in _LEVELS if level < len(prefix) and prefix[:level] in kept]
        if len(prefix) > 6 and (not above or len(above[-1]) < _above(prefix)):
            raise DivisionsError(
                f"{kept[prefix].code} {kept[prefix].name} is below {prefix[: _above(prefix)].ljust(6, '0')},"
                " which is in no file: name the file that has it too"
            )
        nodes.append(Node(kept[prefix], kept[above[-1]] if above else None))
    return nodes


def _above(prefix: str) -> int:
    """How long the prefix of what stands above must be: a street of a city without districts is below the city."""
    if len(prefix) == 12:
        return 9
    return 4 if prefix[4:6] == "00" else 6
