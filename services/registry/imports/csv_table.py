"""CSV as Chinese offices have it: UTF-8 with and without a mark, GB 18030, UTF-16; commas, semicolons or tabs."""

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import islice

from services.registry.imports.flaws import FileFlawError
from services.registry.imports.table import HEADER_WITHIN, MAX_ROWS, Row, Score, Table, Value, find_header, no_header

_SEPARATORS = (",", "\t", ";", "，", "|")


def read_csv_table(data: bytes, score: Score) -> Table:
    """Raises FileFlawError."""
    text = decoded(data)
    if "\x00" in text:
        raise FileFlawError("文件含有空字符，不是 CSV 文件", "请用表格软件重新另存为 CSV（UTF-8）或 .xlsx")
    best: tuple[int, str, int, list[Row]] = (0, "", 0, [])
    for separator in _SEPARATORS:
        first = _first_rows(text, separator)
        place = find_header(first, score)
        if place >= 0 and (points := score(first[place][1])) > best[0]:
            best = (points, separator, place, first)
    points, separator, place, first = best
    if not points:
        raise no_header(_first_rows(text, ","))
    line, header = first[place]
    return Table(line, header, islice(_rows(text, separator), place + 1, None), is_csv=True)


def decoded(data: bytes) -> str:
    """Raises FileFlawError. What is neither marked nor UTF-8 is taken for GB 18030, which has GBK and GB 2312 in it."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return _by(data, encoding)
    sample = data[:2000]
    # Commas and line ends of UTF-16 without a mark: every other byte of them is zero.
    if zeros := sample.count(0):
        odd = sample[1::2].count(0)
        if zeros > 2 and odd in (zeros, 0) and len(data) % 2 == 0:
            return _by(data, "utf-16-le" if odd else "utf-16-be")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _by(data, "gb18030", error.start)


def _by(data: bytes, encoding: str, good: int = 0) -> str:
    """`good`: how far another encoding went, which is then the likelier one."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: max(error.start, good)].count(b"\n") + 1
        raise FileFlawError(
            "有无法识别的字符，文件的编码混乱或已损坏",
            "请用表格软件打开，检查这一行，另存为 CSV（UTF-8）或 .xlsx",
            line,
        ) from None


def _first_rows(text: str, separator: str) -> list[Row]:
    try:
        return list(islice(_rows(text, separator), HEADER_WITHIN))
    except FileFlawError:
        # The quotes may be right with another separator; if they are not, reading tells the line.
        lines = text[:20_000].splitlines()[:HEADER_WITHIN]
        return [(number, list(line.split(separator))) for number, line in enumerate(lines, start=1)]


def _rows(text: str, separator: str) -> Iterator[Row]:
    """Blank ones too. The line is where the row begins: a cell in quotes may go over several."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            if line > MAX_ROWS:
                raise FileFlawError(f"超过 {MAX_ROWS} 行", "请拆成几个文件，分次导入")
            values: list[Value] = [_unwrapped(cell) for cell in cells]
            yield line, values
            line = reader.line_num + 1
    except csv.Error:
        raise FileFlawError(
            "引号不配对，从这一行起无法分清各列", "请检查这一行的引号：内容含逗号时两端各加一个英文双引号", line
        ) from None


def _unwrapped(cell: str) -> str:
    """What some systems write so that a spreadsheet leaves digits alone: ="…" or a leading apostrophe or tab."""
    text = cell.strip("\t ")
    if text.startswith('="') and text.endswith('"'):
        return text[2:-1]
    return text[1:] if text.startswith("'") else text
