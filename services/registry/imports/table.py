"""A file as rows of cells, whatever it is: its form is told by its content, not by its name. Pure but for reading."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from services.registry.imports.flaws import FileFlawError

#: What a cell may be. CSV has text alone; a spreadsheet also numbers and days, which may have lost something.
Value = str | int | float | bool | date | datetime | time | timedelta | None
Row = tuple[int, list[Value]]
#: How well a row would do as the header: the more of its cells name a column, the better.
Score = Callable[[list[Value]], int]

MAX_BYTES = 300 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_COLUMNS = 200
HEADER_WITHIN = 10


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged area: only its first cell says anything."""

    first_line: int
    last_line: int
    first_column: int
    last_column: int


@dataclass(frozen=True, slots=True)
class Table:
    """Rows after the header, which may be read once."""

    header_line: int
    header: list[Value]
    rows: Iterator[Row]
    #: A CSV row has as many cells as its header, or a comma is missing somewhere.
    is_csv: bool
    hidden: frozenset[int] = frozenset()
    merged: tuple[Merged, ...] = field(default=())


def read_table(data: bytes, score: Score) -> Table:
    """Raises FileFlawError. `score` finds the header among the first rows, and the separator of a CSV."""
    from services.registry.imports.csv_table import read_csv_table
    from services.registry.imports.xlsx_table import read_xlsx_table

    if not data.strip():
        raise FileFlawError("文件是空的", "请确认选对了文件，或重新导出")
    if len(data) > MAX_BYTES:
        raise FileFlawError(f"文件超过 {MAX_BYTES // 1024 // 1024} MB", "请拆成几个文件，分次导入")
    refuse_other_forms(data)
    return read_xlsx_table(data, score) if data.startswith(b"PK") else read_csv_table(data, score)


def refuse_other_forms(data: bytes) -> None:
    head = data[:4096].lstrip().lower()
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        # The container of .xls and .et, and of an .xlsx with a password.
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise FileFlawError("文件设有打开密码", "请在表格软件中取消密码，另存为 .xlsx 后再导入")
        raise FileFlawError(
            "这是旧格式的表格（.xls 或 .et），不论扩展名是什么", "请在 Excel 或 WPS 中另存为 .xlsx 或 CSV 后再导入"
        )
    if data.startswith(b"%PDF"):
        raise FileFlawError("这是 PDF 文件", "请使用原来的表格文件（.xlsx 或 CSV）")
    if head.startswith((b"<html", b"<!doctype html", b"<table", b"<meta")):
        raise FileFlawError(
            "这是网页格式，只是扩展名像表格（有的系统这样导出）", "请用 Excel 或 WPS 打开它，另存为 .xlsx 后再导入"
        )
    if head.startswith(b"<?xml") or data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")):
        raise FileFlawError("这不是表格文件", "请使用 .xlsx 或 CSV 文件")


def find_header(rows: list[Row], score: Score) -> int:
    """The place of the header among the first rows: titles may stand above it. -1 when none of them is one."""
    scores = [score(cells) for _, cells in rows[:HEADER_WITHIN]]
    best = max(scores, default=0)
    return scores.index(best) if best else -1


def no_header(rows: list[Row]) -> FileFlawError:
    first = "、".join(str(cell) for cell in (rows[0][1] if rows else []) if cell not in (None, ""))
    return FileFlawError(
        f"前 {HEADER_WITHIN} 行里没有找到表头",
        "请保留列名一行（如“姓名”“所属社区”），或下载空白模板填写；若显示为乱码，请另存为 UTF-8 的 CSV 或 .xlsx",
        value=first,
    )


def is_blank(value: Value) -> bool:
    return value is None or (isinstance(value, str) and not value.strip("　\xa0\ufeff\u200b \t\r\n"))
