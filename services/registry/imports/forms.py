"""Empty forms and exports, as CSV and XLSX: what comes out may go in again."""

import csv
import io
from collections.abc import Iterable, Sequence

from services.registry.imports.columns import Kind

FORMS = ("csv", "xlsx")


def template(kind: Kind, form: str) -> bytes:
    """The header, and an example that is refused when it is left where it is."""
    return written(kind, form, [[one.example for one in kind.columns]])


def written(kind: Kind, form: str, rows: Iterable[Sequence[str | None]]) -> bytes:
    """Rows in the order of the kind's columns."""
    return _csv(kind, rows) if form == "csv" else _xlsx(kind, rows)


def _csv(kind: Kind, rows: Iterable[Sequence[str | None]]) -> bytes:
    # With the mark, by which a spreadsheet knows UTF-8.
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([one.name for one in kind.columns])
    for row in rows:
        writer.writerow([_safe(cell, one.text) for cell, one in zip(row, kind.columns, strict=True)])
    return text.getvalue().encode("utf-8-sig")


def _safe(cell: str | None, is_code: bool) -> str:
    """No cell is a formula to whoever opens the file, and digits stay digits."""
    if cell and (cell[0] in "=+-@\t\r" or (is_code and cell.isdecimal() and len(cell) > 11)):
        return f"'{cell}"
    return cell or ""


def _xlsx(kind: Kind, rows: Iterable[Sequence[str | None]]) -> bytes:
    # Here, and not above: whoever starts is at work sooner without it.
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet(kind.title)
    sheet.freeze_panes = "A2"
    for place, one in enumerate(kind.columns, start=1):
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = 22 if one.text else max(10, 2.2 * len(one.name))
        # Whatever is typed below is text too: no identity number becomes a number.
        sheet.column_dimensions[letter].number_format = "@"
    head = []
    for one in kind.columns:
        cell = WriteOnlyCell(sheet, one.name)
        cell.font = Font(bold=True)
        head.append(cell)
    sheet.append(head)
    for row in rows:
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value or None)
            if value:
                cell.data_type = "s"  # also what begins with =
                cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()
