"""What is wrong with a file of people, places or devices, in the words of those who have to mend it."""

from dataclasses import dataclass

#: A value is repeated in a report, but not a whole page of it.
_MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Flaw:
    """`line` as a spreadsheet counts, the first is 1; 0: the file as a whole. `column` as the file's header has it."""

    line: int
    column: str
    value: str
    message: str  # what is wrong
    mend: str  # and how it is mended

    def __str__(self) -> str:
        where = f"第 {self.line} 行" if self.line else "整个文件"
        column = f"“{self.column}”" if self.column else ""
        value = f"（{self.value}）" if self.value else ""
        return f"{where}{column}{value}：{self.message}。{self.mend}"


class FileFlawError(Exception):
    """Nothing of the file can be read, or none of it may be."""

    def __init__(self, message: str, mend: str, line: int = 0, column: str = "", value: str = "") -> None:
        self.flaw = Flaw(line, column, shown(value), message, mend)
        super().__init__(str(self.flaw))


def shown(value: object) -> str:
    """A cell as a report repeats it: on one line, and not too long."""
    text = "".join(character if character.isprintable() else " " for character in str(value or ""))
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
