"""XLSX, read as a stream. What a spreadsheet hides, and the stream does not tell, is found in the XML."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from itertools import islice
from typing import Any

from services.registry.imports.flaws import FileFlawError
from services.registry.imports.table import (
    HEADER_WITHIN,
    MAX_COLUMNS,
    MAX_ROWS,
    Merged,
    Row,
    Score,
    Table,
    Value,
    find_header,
    is_blank,
    no_header,
)

#: Of all parts together, unpacked: 200,000 elders are some 200 MB.
MAX_UNPACKED = 1024 * 1024 * 1024
#: Sheets pack to a tenth or a thirtieth; a bomb to a thousandth.
MAX_RATIO = 200
_SMALL = 10 * 1024 * 1024
_PARTS = 2000
_CHUNK = 1024 * 1024
# Longer than any tag that is looked for.
_OVERLAP = 4096

_MERGED = re.compile(rb'<mergeCell [^>]*?ref="([A-Z]{1,3})(\d{1,7})(?::([A-Z]{1,3})(\d{1,7}))?"')
_HIDDEN = re.compile(rb"<row (?=[^>]*?\shidden=\"(?:1|true)\")[^>]*?\br=\"(\d{1,7})\"")


def read_xlsx_table(data: bytes, score: Score) -> Table:
    """Raises FileFlawError. The sheet is the first with a header; a second one is refused rather than overlooked."""
    # Here, and not above: whoever starts is at work sooner without it.
    from openpyxl import load_workbook

    archive = _opened(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations that we do not read
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=False)
            sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            found = [(sheet, head) for sheet in sheets if (head := _head(sheet, score)) is not None]
    except FileFlawError:
        raise
    except Exception as error:  # whatever a damaged file makes of the library
        raise _damaged() from error
    if not found:
        raise no_header(_first_rows(sheets[0]) if sheets else [])
    if len(found) > 1:
        names = "、".join(f"“{sheet.title}”" for sheet, _ in found)
        raise FileFlawError(
            f"有 {len(found)} 个工作表都有数据：{names}", "请只留一个工作表，其余另存为单独的文件，或隐藏起来"
        )
    sheet, (line, header) = found[0]
    merged, hidden = _hidden_things(archive, sheet)
    return Table(line, header, _after(sheet, line), is_csv=False, hidden=hidden, merged=merged)


def _damaged() -> FileFlawError:
    return FileFlawError("表格文件已损坏，打不开", "请用 Excel 或 WPS 打开，另存为新的 .xlsx 后再导入")


def _opened(data: bytes) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise _damaged() from None
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        what = "Word 文档" if "word/document.xml" in names else "压缩包"
        raise FileFlawError(f"这是{what}，不是表格", "请使用 .xlsx 或 CSV 文件；压缩包请先解压")
    unpacked = sum(part.file_size for part in parts)
    packed = max(1, sum(part.compress_size for part in parts))
    if len(parts) > _PARTS or unpacked > MAX_UNPACKED or (unpacked > _SMALL and unpacked / packed > MAX_RATIO):
        raise FileFlawError(
            "文件解压后大得异常，为安全起见不予读取", "请把数据复制到新的工作簿里，只留需要的行和列，再导入"
        )
    for part in parts:
        if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in _beginning(archive, part):
            raise FileFlawError("文件里有不应出现的内容（DOCTYPE）", "请用 Excel 或 WPS 另存为新的 .xlsx 后再导入")
    return archive


def _beginning(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(part) as file:
            return file.read(2048)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError):
        raise _damaged() from None


def _head(sheet: Any, score: Score) -> Row | None:
    first = _first_rows(sheet)
    place = find_header(first, score)
    return first[place] if place >= 0 else None


def _first_rows(sheet: Any) -> list[Row]:
    # Not what the sheet says of its own size, which may be missing or wrong.
    sheet.reset_dimensions()
    return list(islice(_rows(sheet, 1), HEADER_WITHIN))


def _after(sheet: Any, line: int) -> Iterator[Row]:
    try:
        yield from _rows(sheet, line + 1)
    except FileFlawError:
        raise
    except Exception as error:  # a sheet that is cut off is found only here
        raise _damaged() from error


def _rows(sheet: Any, first: int) -> Iterator[Row]:
    for line, cells in enumerate(sheet.iter_rows(min_row=first, values_only=True), start=first):
        if line > MAX_ROWS:
            raise FileFlawError(f"超过 {MAX_ROWS} 行", "请拆成几个文件，分次导入；若下方都是空行，请删除它们")
        values: list[Value] = [_plain(cell) for cell in cells[:MAX_COLUMNS]]
        while values and is_blank(values[-1]):
            values.pop()
        yield line, values


def _plain(cell: Any) -> Value:
    # An array formula is an object of the library; a plain one a text that begins with =.
    return cell if isinstance(cell, Value) else f"={cell}"


def _hidden_things(archive: zipfile.ZipFile, sheet: Any) -> tuple[tuple[Merged, ...], frozenset[int]]:
    """What the stream of cells does not tell: merged areas, and rows that nobody sees."""
    from openpyxl.utils import column_index_from_string

    merged: set[Merged] = set()
    hidden: set[int] = set()
    kept = b""
    with archive.open(sheet._worksheet_path) as file:
        while chunk := file.read(_CHUNK):
            text = kept + chunk
            for first, top, last, bottom in _MERGED.findall(text):
                left = column_index_from_string(first.decode()) - 1
                right = column_index_from_string(last.decode()) - 1 if last else left
                merged.add(Merged(int(top), int(bottom or top), left, right))
            hidden.update(int(line) for line in _HIDDEN.findall(text))
            kept = text[-_OVERLAP:]
    return tuple(sorted(merged, key=lambda one: (one.first_line, one.first_column))), frozenset(hidden)
