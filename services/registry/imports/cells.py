"""One row's cells as what the records keep; what is wrong is noted, with how it is mended. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from services.registry.imports.flaws import Flaw, shown
from services.registry.imports.identity_number import IdentityNumber, IdentityNumberError, identity_number_of
from services.registry.imports.places import NoPlaceError, Place, Places
from services.registry.imports.table import Value, is_blank
from services.registry.imports.words import known, nearest

_INVISIBLE = re.compile("[\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u2064]")
_ERRORS = re.compile(r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!)|#{3,}")
_NOTHING = frozenset({"/", "-", "—", "－", "——", "\\", "无", "暂无", "没有", "不详", "未知", "n/a", "null", "none"})
_CHINESE_DAY = re.compile(
    r"(\d{4})\s*[年./\-。、]\s*(\d{1,2})\s*[月./\-。、]\s*(\d{1,2})\s*[日号]?(?:\s+\d{1,2}:\d{2}(?::\d{2})?)?"
)
_PLAIN_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
_ONLY_MONTH = re.compile(r"\d{4}\s*[年./\-]?\s*\d{0,2}\s*月?")
# Day 1 of a spreadsheet is 1900-01-01, and it believes that 1900 had a 29th of February.
_EXCEL_DAY_0 = date(1899, 12, 30)
_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"(0\d{2,3}-?)?\d{3,4}-?\d{4}(-\d{1,6})?|(400|800)-?\d{3}-?\d{4}|1\d{2}|[59]\d{4,5}")
_IN_PHONES = str.maketrans("—–‐－", "----", "()")
_SCIENTIFIC = re.compile(r"[0-9.]+E\+?[0-9]+")
_LISTED = re.compile(r"[、，,;；/|\n]+")
_CJK_GAP = re.compile(r"(?<=[\u3400-\u9fff]) +(?=[\u3400-\u9fff])")


class Cells:
    """Asks a row for its columns. An empty cell is None, and so is a wrong one, which is in `flaws` then. `values` has
    no empty ones: most columns of most files are, and a file has millions of cells."""

    def __init__(self, line: int, values: Mapping[str, Value], names: Mapping[str, str]) -> None:
        self.line, self._values, self.names = line, values, names
        self.flaws: list[Flaw] = []

    def wrong(self, key: str, message: str, mend: str, value: object = None) -> None:
        told = self._values.get(key) if value is None else value
        self.flaws.append(Flaw(self.line, self.names.get(key, key), shown(told), message, mend))

    def has(self, key: str) -> bool:
        return not is_blank(self._values.get(key))

    def _raw(self, key: str) -> Value:
        """What the cell says, without what no cell can mean."""
        value = self._values.get(key)
        if value is None or not isinstance(value, str):
            return value
        text = value.strip()
        # Most cells are plain, and a file has millions.
        plain = text.isprintable() and "\ufffd" not in text
        if not plain:
            text = _INVISIBLE.sub("", text).replace("\xa0", " ").replace("\u3000", " ").strip()
        if not text:
            return None
        if text.startswith("=") and len(text) > 1:
            self.wrong(key, "单元格是公式，读不到结果", "请复制这一列，“选择性粘贴”为“数值”")
            return None
        if text[0] == "#" and _ERRORS.fullmatch(text):
            self.wrong(key, "单元格是错误值或列太窄显示不出", "请改正公式或加宽列，填写真实内容")
            return None
        if not plain and (
            "\ufffd" in text or any(unicodedata.category(one) == "Cc" and one not in "\n\t\r" for one in text)
        ):
            self.wrong(key, "有无法显示的字符（乱码）", "请重新填写这一格")
            return None
        return text or None

    def _text(self, key: str) -> str | None:
        """As text; a number as it would be typed."""
        value = self._raw(key)
        if isinstance(value, bool):
            return "是" if value else "否"
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return None if value is None else str(value)

    def _code(self, key: str) -> str | None:
        """As text in half-width, without spaces: numbers of all kinds."""
        if key not in self._values:
            return None
        text = self._text(key)
        return None if text is None else re.sub(r"\s", "", unicodedata.normalize("NFKC", text)) or None

    def required(self, key: str, found: object) -> None:
        """Notes a cell that has to be there and is empty; a wrong one was noted already."""
        name = self.names.get(key, key)
        if found in (None, []) and not any(flaw.column == name for flaw in self.flaws):
            self.wrong(key, "没有填写", f"“{name}”是必填项")

    def text(self, key: str, *, most: int = 200) -> str | None:
        if key not in self._values:
            return None
        text = self._text(key)
        if text is None or text in ("/", "-", "—", "——", "－", "\\"):
            return None
        if "\n" in text:
            text = re.sub(r"[ \t\r]*\n[ \t\r\n]*", "\n", text)
        if len(text) > most:
            self.wrong(key, f"有 {len(text)} 个字，超过 {most} 个", "请缩短，或检查是否少了分隔、几格粘在一起")
            return None
        return text

    def name(self, key: str) -> str | None:
        """张 三 is 张三; a name that has digits in it is something else."""
        if key not in self._values:
            return None
        text = self.text(key, most=100)
        if text is None:
            return None
        text = _CJK_GAP.sub("", " ".join(text.split()))
        if re.search(r"\d{3,}|[*＊?？]", text):
            self.wrong(key, "姓名里有数字或星号", "请只填完整姓名；电话、身份证号填到各自的列")
            return None
        return text

    def day(self, key: str, today: date, *, first: date = date(1890, 1, 1)) -> date | None:
        """1950-3-5, 1950.3.5, 1950年3月5日, 19500305, or the number that a spreadsheet makes of a day."""
        if key not in self._values:
            return None
        value = self._raw(key)
        if value is None or (isinstance(value, str) and value.lower() in _NOTHING):
            return None
        found = _day_of(value)
        if isinstance(found, str):
            self.wrong(key, found, "请写完整的年月日，例如 1950-03-05")
            return None
        if not first <= found <= today:
            self.wrong(key, f"日期 {found} 不可能", f"应在 {first} 与今天之间，例如 1950-03-05")
            return None
        return found

    def identity(self, key: str, today: date) -> IdentityNumber | None:
        if key not in self._values:
            return None
        value = self._raw(key)
        if isinstance(value, int | float):
            self.wrong(
                key,
                "身份证号以数字存放，超过 15 位的数字已经丢失",
                "请把该列设为“文本”，按原件重新填写；改格式找不回丢失的数字",
                f"{value:.10E}",
            )
            return None
        text = self._code(key)
        if text is None or text.lower() in _NOTHING:
            return None
        try:
            return identity_number_of(text, today)
        except IdentityNumberError as error:
            # Not the whole of a number that may be right but for one digit.
            self.wrong(
                key, error.message, error.mend, text if len(text) < 15 or "E" in text.upper() else f"{text[:6]}…"
            )
            return None

    def phone(self, key: str) -> str | None:
        if key not in self._values:
            return None
        value = self._raw(key)
        text = self._code(key)
        if text is None or text.lower() in _NOTHING:
            return None
        text = text.translate(_IN_PHONES).removeprefix("+86").removeprefix("86-")
        if _SCIENTIFIC.fullmatch(text.upper()):
            self.wrong(key, "电话成了科学计数法，数字已经丢失", "请把该列设为“文本”，重新填写")
        elif isinstance(value, int | float) and len(text) in (9, 10):
            self.wrong(key, "电话以数字存放，开头的 0 可能已丢失", "请把该列设为“文本”，写全区号，例如 023-00001234")
        elif len(_LISTED.split(text)) > 1 or re.search(r"\d{11}.+\d{7,}", text):
            self.wrong(key, "一格里有几个电话", "请只留一个，其余填到紧急联系人或备注")
        elif _MOBILE.fullmatch(text) or _LANDLINE.fullmatch(text):
            return text
        elif re.fullmatch(r"1\d+", text):
            self.wrong(key, f"手机号应为 11 位，现有 {len(text)} 位", "请核对是否多写或漏写")
        else:
            self.wrong(key, "不是电话号码", "应为 11 位手机号，或带区号的座机，例如 023-00001234")
        return None

    def choice(self, key: str, words: Mapping[str, str], names: Mapping[str, str] | None = None) -> str | None:
        """A word of a list; `names` says by what words the list is told, where several mean the same."""
        if key not in self._values:
            return None
        text = self._text(key)
        if text is None or text.lower() in _NOTHING:
            return None
        found = known(text, words)
        if found is None:
            allowed = list(dict.fromkeys(names.values() if names else words))[:14]
            meant = nearest(text, words)
            told = f"是不是“{meant}”？" if meant else ""
            self.wrong(key, "没有这个选项", f"{told}可填：{'、'.join(allowed)}")
        return None if found is None else str(found)

    def grade(self, key: str, words: Mapping[str, int]) -> int | None:
        if key not in self._values:
            return None
        text = self._code(key)
        if text is None or text.lower() in _NOTHING:
            return None
        found = known(text, words)
        if found is None:
            self.wrong(key, "没有这个等级", "应为 0 至 5")
        return None if found is None else int(found)

    def several(self, key: str, *, most: int = 30) -> list[str] | None:
        """What is listed in one cell, with whatever between."""
        text = self.text(key, most=1000)
        if text is None:
            return None
        found = list(dict.fromkeys(part.strip() for part in _LISTED.split(text) if part.strip()))
        if len(found) > most:
            self.wrong(key, f"列了 {len(found)} 项，超过 {most} 项", "请缩短")
        return [] if found in (["无"], ["没有"]) else found

    def number(self, key: str, least: float, most: float) -> float | None:
        if key not in self._values:
            return None
        text = self._code(key)
        if text is None or text in _NOTHING:
            return None
        try:
            found = float(text)
        except ValueError:
            self.wrong(key, "不是数字", f"应为 {least:g} 至 {most:g} 之间的数字")
            return None
        if not least <= found <= most:
            self.wrong(key, f"超出范围 {least:g} 至 {most:g}", "请核对；经度和纬度可能填反了")
            return None
        return found

    def code(self, key: str, form: re.Pattern[str], message: str, mend: str) -> str | None:
        if key not in self._values:
            return None
        text = self._code(key)
        if text is None or form.fullmatch(text):
            return text
        if _SCIENTIFIC.fullmatch(text.upper()):
            message, mend = "编号成了科学计数法，数字已经丢失", "请把该列设为“文本”，重新填写"
        self.wrong(key, message, mend)
        return None

    def place(self, key: str, places: Places, below: str | None = None) -> Place | None:
        if key not in self._values:
            return None
        text = self._code(key) if isinstance(self._raw(key), int | float) else self.text(key)
        if text is None:
            return None
        try:
            return places.find(text, self.text(below) if below else None)
        except NoPlaceError as error:
            self.wrong(key, error.message, error.mend)
            return None


def _day_of(value: Value) -> date | str:
    """The day, or what is wrong."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return "不是日期"
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    text = unicodedata.normalize("NFKC", text)
    if match := _CHINESE_DAY.fullmatch(text) or _PLAIN_DAY.fullmatch(text):
        year, month, day = (int(part) for part in match.groups())
        try:
            return date(year, month, day)
        except ValueError:
            return "没有这一天"
    if re.fullmatch(r"[1-9]\d{4}", text):
        return _EXCEL_DAY_0 + timedelta(days=int(text))
    if _ONLY_MONTH.fullmatch(text):
        return "日期不完整"
    if re.fullmatch(r"\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2,4}", text) or re.fullmatch(
        r"\d{2}[/.\-]\d{1,2}[/.\-]\d{1,2}", text
    ):
        return "看不出哪个是年、哪个是月"
    return "不是日期"
