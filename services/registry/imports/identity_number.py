"""居民身份证号码, GB 11643-1999: 6 digits of a place, 8 of the birth date, 3 of a sequence, a check character. Pure."""

import re
from dataclasses import dataclass
from datetime import date

_FORM = re.compile(r"[0-9]{17}[0-9X]")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
# First two digits: provinces, GB/T 2260; 71, 81, 82 are residents of Taiwan, Hong Kong and Macau.
_PROVINCES = frozenset(
    (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83)
)


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    number: str
    birth_date: date
    gender: str  # female or male, as elders.gender


class IdentityNumberError(ValueError):
    """No identity number; `mend` says how it becomes one."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.message, self.mend = message, mend


def check_character(first_17: str) -> str:
    return _CHECK[sum(int(digit) * weight for digit, weight in zip(first_17, _WEIGHTS, strict=True)) % 11]


def identity_number_of(text: str, today: date) -> IdentityNumber:
    """`text` is in half-width already. Raises IdentityNumberError."""
    number = text.replace(" ", "").replace("-", "").upper()
    _refuse_known(number)
    if not _FORM.fullmatch(number):
        raise IdentityNumberError(
            f"不是 18 位身份证号（现有 {len(number)} 位）", "应为 17 位数字加一位数字或 X，请核对原件"
        )
    if int(number[:2]) not in _PROVINCES:
        raise IdentityNumberError("身份证号开头两位不是任何省份的代码", "请核对原件，可能抄错或漏了一位")
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise IdentityNumberError("身份证号里的出生日期不存在", "请核对第 7 至 14 位") from None
    if not date(1890, 1, 1) <= born <= today:
        raise IdentityNumberError("身份证号里的出生日期不可能", "请核对第 7 至 14 位")
    if number[-1] != check_character(number[:17]):
        if number.endswith("000"):
            raise IdentityNumberError(
                "身份证号末尾变成了 000：表格软件曾把它当作数字", "末尾的数字已丢失，请把该列设为“文本”，按原件重新填写"
            )
        raise IdentityNumberError("身份证号校验位不符，有一位抄错了", "请对照原件逐位核对")
    return IdentityNumber(number, born, "male" if int(number[16]) % 2 else "female")


def _refuse_known(number: str) -> None:
    """Ways of being wrong that have a name."""
    if "*" in number or "＊" in number:
        raise IdentityNumberError("身份证号打了码（有 *）", "请填写完整的号码；系统加密保存，屏幕上自动打码")
    if re.fullmatch(r"[0-9.]+E\+?[0-9]+", number):
        raise IdentityNumberError(
            "身份证号成了科学计数法，末尾的数字已经丢失", "请把该列设为“文本”，按原件重新填写；改格式找不回丢失的数字"
        )
    if re.fullmatch(r"[0-9]{15}", number):
        raise IdentityNumberError("是 15 位的旧身份证号", "请换成 18 位的新号码（旧号码 2013 年起停用）")


def masked(number: str) -> str:
    """As screens show it until somebody asks: the place, and the last four."""
    return f"{number[:6]}********{number[-4:]}"
