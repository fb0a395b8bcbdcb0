"""What is wanted for a device that is to be enrolled, from a CSV or one by one, and what is wrong with it. Pure."""

import csv
import io
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.broker.accounts import DEVICE_ID

COLUMNS = (
    "device_id",
    "kind",
    "model",
    "organization_id",
    "organization",
    "elder_id",
    "source",
    "hardware_id",
)
_REQUIRED = ("device_id", "kind")
KIND = re.compile(r"[a-z0-9_]{1,64}")
SOURCE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MODEL_CHARACTERS = 200
_HARDWARE_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that has to be mended. `line` counts from 1 with the header; 0: no CSV, or all of it."""

    line: int
    column: str
    value: str
    what: str  # and how to mend it: English
    message: str  # the same in Chinese
    taken: bool = False  # nothing is wrong with it, but somebody has it already

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.what}" if self.line else f"{self.column}: {self.what}"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One device as it is wanted. `organization` is an organisation's id, name or division code, and may be left out
    where there is an elder. `source` and `hardware_id` come together: by what name another network knows it."""

    device_id: str
    kind: str
    model: str | None = None
    organization: str | None = None
    elder_id: UUID | None = None
    source: str | None = None
    hardware_id: str | None = None
    line: int = 0

    def flaw(self, column: str, value: object, what: str, message: str, *, taken: bool = False) -> Flaw:
        return Flaw(self.line, column, str(value)[:100], what, message, taken)


def read_csv(data: bytes) -> tuple[list[Enrolment], list[Flaw]]:
    """The devices that a CSV wants, and what is wrong with its other lines. UTF-8, or what a Chinese spreadsheet saves
    (GB 18030); the first line names the columns, of which those not used may be missing."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            return [], [
                Flaw(0, "file", "", "neither UTF-8 nor GB 18030: save it as UTF-8", "编码无法识别，请另存为 UTF-8")
            ]
    if "\x00" in text:
        return [], [Flaw(0, "file", "", "it has NUL bytes: not a CSV file", "文件含有空字符，不是 CSV 文件")]
    wanted: list[Enrolment] = []
    flaws: list[Flaw] = []
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        flaws += _header_flaws(header)
        if flaws:
            return [], flaws
        before = rows.line_num
        for row in rows:
            line, before = before + 1, rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                what = f"{len(row)} cells under {len(header)} columns: quote a cell that has a comma in it"
                message = f"有 {len(row)} 格，而表头有 {len(header)} 列；含逗号的内容请加引号"
                flaws.append(Flaw(line, "line", "", what, message))
                continue
            enrolment, wrong = _of_cells(line, dict(zip(header, (cell.strip() for cell in row), strict=True)))
            flaws += wrong
            if enrolment and not wrong:
                wanted.append(enrolment)
    except csv.Error as error:
        flaws.append(Flaw(rows.line_num, "line", "", f"not CSV: {error}", "不是有效的 CSV，请检查引号"))
    return wanted, flaws


def _header_flaws(header: list[str]) -> list[Flaw]:
    known = ", ".join(COLUMNS)
    flaws = [
        Flaw(1, name or "(no name)", name, f"no such column: the columns are {known}", f"没有这一列，可用的列：{known}")
        for name in header
        if name not in COLUMNS
    ]
    flaws += [
        Flaw(1, name, "", "the column is missing: the first line names the columns", "缺少这一列（首行应为列名）")
        for name in _REQUIRED
        if name not in header
    ]
    if not {"organization_id", "organization", "elder_id"} & set(header):
        what = "no column says where the devices belong: add organization_id, organization or elder_id"
        flaws.append(Flaw(1, "organization_id", "", what, "缺少归属列：organization_id、organization 或 elder_id"))
    flaws += [
        Flaw(1, name, name, "the column is there twice", "列名重复") for name in COLUMNS if header.count(name) > 1
    ]
    return flaws


def _of_cells(line: int, cells: dict[str, str]) -> tuple[Enrolment | None, list[Flaw]]:
    organization_id, organization = cells.get("organization_id"), cells.get("organization")
    if organization_id and organization:
        what = "both organization_id and organization: give one"
        return None, [Flaw(line, "organization", organization, what, "organization_id 与 organization 只填一个")]
    if organization_id and _uuid(organization_id) is None:
        return None, [Flaw(line, "organization_id", organization_id, "not an organisation's id", "不是机构编号")]
    elder_id = _uuid(cells.get("elder_id") or "")
    if cells.get("elder_id") and elder_id is None:
        return None, [Flaw(line, "elder_id", cells["elder_id"], "not an elder's id", "不是老人编号")]
    enrolment = Enrolment(
        device_id=cells["device_id"],
        kind=cells["kind"],
        model=cells.get("model") or None,
        organization=organization_id or organization or None,
        elder_id=elder_id,
        source=cells.get("source") or None,
        hardware_id=cells.get("hardware_id") or None,
        line=line,
    )
    return enrolment, flaws_of(enrolment)


def flaws_of(one: Enrolment) -> list[Flaw]:
    """What can be told without asking the database."""
    flaws = []
    if not DEVICE_ID.fullmatch(one.device_id):
        what = "want 1 to 64 of A-Z a-z 0-9 . _ -"
        flaws.append(one.flaw("device_id", one.device_id, what, "应为 1–64 个字母、数字或 . _ -"))
    if not KIND.fullmatch(one.kind):
        what = "want 1 to 64 of a-z 0-9 _, as in wristband or fall_detector"
        flaws.append(one.flaw("kind", one.kind, what, "应为 1–64 个小写字母、数字或 _，例如 wristband"))
    if one.model and (len(one.model) > _MODEL_CHARACTERS or not one.model.isprintable()):
        what = f"want at most {_MODEL_CHARACTERS} printable characters"
        flaws.append(one.flaw("model", one.model, what, f"应为不超过 {_MODEL_CHARACTERS} 个可见字符"))
    if not one.organization and not one.elder_id:
        what = "neither an organisation nor an elder: whose device is it?"
        flaws.append(one.flaw("organization_id", "", what, "没有机构也没有老人，无法确定归属"))
    if bool(one.source) != bool(one.hardware_id):
        column = "hardware_id" if one.source else "source"
        what = "source and hardware_id come together: give both or neither"
        flaws.append(one.flaw(column, "", what, "source 与 hardware_id 必须同时填写"))
    if one.source and not SOURCE.fullmatch(one.source):
        what = "want a source's name, 1 to 64 of A-Z a-z 0-9 . _ -"
        flaws.append(one.flaw("source", one.source, what, "应为 1–64 个字母、数字或 . _ -"))
    if one.hardware_id and (len(one.hardware_id) > _HARDWARE_CHARACTERS or not one.hardware_id.isprintable()):
        what = f"want at most {_HARDWARE_CHARACTERS} printable characters"
        flaws.append(one.flaw("hardware_id", one.hardware_id, what, f"应为不超过 {_HARDWARE_CHARACTERS} 个可见字符"))
    return flaws


def secrets_csv(enrolled: list[tuple[str, str]]) -> str:
    """(device_id, secret) as the CSV that is told once."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("device_id", "secret"))
    writer.writerows(enrolled)
    return text.getvalue()


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
