"""Rows of a file as cells by column, with what no row may have. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from services.registry.imports.cells import Cells
from services.registry.imports.columns import INVENTED, Header, Kind, read_header
from services.registry.imports.flaws import FileFlawError
from services.registry.imports.table import Merged, Table, Value, is_blank, read_table


@dataclass(slots=True)
class Rows:
    """A file that is being read: once, from the top."""

    kind: Kind
    header: Header
    table: Table
    read: int = field(default=0)
    #: What a template has in some places, and no row that is meant.
    examples: list[tuple[int, str]] = field(init=False)

    def __post_init__(self) -> None:
        told = {one.key: one.example for one in self.kind.columns if INVENTED in one.example}
        self.examples = [(place, told[key]) for key, place in self.header.places.items() if key in told]

    def __iter__(self) -> Iterator[Cells]:
        """Raises FileFlawError where the rest of the file cannot be read."""
        for line, values in self.table.rows:
            if all(is_blank(value) for value in values):
                continue
            self.read += 1
            cells = Cells(
                line,
                {
                    key: values[place]
                    for key, place in self.header.places.items()
                    if place < len(values) and values[place] not in (None, "")
                },
                self.header.names,
            )
            self._refuse(cells, values)
            yield cells
        if not self.read:
            raise FileFlawError("表头下面没有数据", "请填写数据，或确认选对了文件", self.table.header_line)

    def _refuse(self, cells: Cells, values: list[Value]) -> None:
        width, beyond = len(values), [value for value in values[self.header.width :] if not is_blank(value)]
        if self.table.is_csv and width < self.header.width:
            cells.wrong(
                "", f"只有 {width} 格，而表头有 {self.header.width} 列", "请检查是否少了分隔的逗号，或内容里有换行", ""
            )
        elif beyond:
            cells.wrong(
                "",
                f"比表头多出内容（表头 {self.header.width} 列）",
                "含逗号的内容请加英文双引号；没有列名的列请删除",
                beyond[0],
            )
        if any(place < width and values[place] == example for place, example in self.examples):
            cells.wrong("", "这是模板里的示例", "请删除这一行", "")
        if cells.line in self.table.hidden:
            cells.wrong("", "这一行是隐藏的，看不见却会被导入", "请取消隐藏或筛选后再核对，不需要的行请删除", "")
        for area in self.table.merged:
            if area.first_line <= cells.line <= area.last_line:
                names = [
                    self.header.names[key]
                    for key, place in self.header.places.items()
                    if area.first_column <= place <= area.last_column
                ]
                if names:
                    told = "”“".join(names)
                    where = f"（第 {area.first_line} 至 {area.last_line} 行）"
                    cells.wrong(
                        "", f"“{told}”是合并的单元格{where}，只有第一格有内容", "请取消合并，把内容填到每一格", ""
                    )


def open_rows(kind: Kind, data: bytes) -> Rows:
    """Raises FileFlawError."""
    table = read_table(data, kind.score)
    header = read_header(kind, table.header_line, table.header)
    below = [one for one in table.merged if _in_header(one, table.header_line)]
    if below:
        raise FileFlawError(
            "表头占两行，有合并的单元格",
            "请把表头合并成一行，例如“紧急联系人1姓名”“紧急联系人1电话”",
            table.header_line,
        )
    return Rows(kind, header, table)


def _in_header(area: Merged, line: int) -> bool:
    """The header and the row below it are one, or a heading lies over several columns of it."""
    return area.first_line <= line <= area.last_line and (area.last_line > line or area.last_column > area.first_column)
