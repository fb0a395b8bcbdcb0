"""The hours of a responder as offices write them: 工作日 8:00-18:00；周末 9点至12点. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_EVERY = (1, 2, 3, 4, 5, 6, 7)
_NAMED = {
    "每天": _EVERY,
    "每日": _EVERY,
    "天天": _EVERY,
    "工作日": (1, 2, 3, 4, 5),
    "平时": (1, 2, 3, 4, 5),
    "周末": (6, 7),
    "双休日": (6, 7),
}
_ALWAYS = frozenset({"全天", "全天候", "24小时", "随时", "不限", "全天24小时", "每天全天", "每天24小时"})
_DAYS = "一二三四五六日"
_DAY = "(?:[一二三四五六日天]|[1-7](?![0-9:点时]))"
_WEEK = "(?:周|星期|礼拜)"
_TO = "(?:-|至|到|~)"
_CLOCK = r"([01]?[0-9]|2[0-4])(?:[:点时]([0-5][0-9]|半)?分?)"
_TOKEN = re.compile(
    rf"(?P<named>{'|'.join(_NAMED)})"
    rf"|(?P<days>{_WEEK}{_DAY}(?:(?:{_TO}|、|,|和)?{_WEEK}?{_DAY})*)"
    rf"|(?P<span>{_CLOCK}{_TO}(?:次日|第二天)?{_CLOCK})"
    rf"|(?P<whole>全天|24小时)"
    rf"|(?P<between>[、,;。和及/| \n]|每?周的)"
)
_IN_DAYS = re.compile(rf"({_TO})?{_WEEK}?([一二三四五六日天1-7])")
_DASHES = str.maketrans("—–‐－～〜−", "-------")
#: As many as the register keeps.
MOST = 20


def hours_of(text: str) -> list[dict[str, Any]] | None:
    """As the register has them, none: always. None: this is not understood."""
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES).replace("--", "-")
    plain = re.sub(rf" *({_TO}|[:点时]) *", r"\1", plain.strip())
    if plain.replace(" ", "").strip(";,。、") in _ALWAYS:
        return []
    found: list[dict[str, Any]] = []
    days: list[int] = []
    used, place = True, 0
    while place < len(plain):
        match = _TOKEN.match(plain, place)
        if match is None:
            return None
        place = match.end()
        kind = match.lastgroup
        if kind in ("named", "days"):
            said = _NAMED[match[0]] if kind == "named" else _days(match[0])
            days = [*([] if used else days), *said]
            used = False
        elif kind in ("span", "whole"):
            start, end = ("00:00", "00:00") if kind == "whole" else _span(match)
            if start == "24:00" or "24:30" in (start, end):
                return None
            found.append({"weekdays": sorted(set(days or _EVERY)), "from": start, "to": end.replace("24:00", "00:00")})
            used = True
    # Days without a time may be whole ones, or the time was forgotten.
    return found if found and used and len(found) <= MOST else None


def hours_words(hours: Sequence[Mapping[str, Any]]) -> str:
    """What `hours_of` makes the same of."""
    told = [f"{_days_words(one['weekdays'])} {one['from']}-{_end(one)}" for one in hours]
    return "；".join(told) or "全天"


def _days(text: str) -> list[int]:
    found: list[int] = []
    for to, day in _IN_DAYS.findall(text):
        number = 7 if day == "天" else int(day) if day.isdecimal() else _DAYS.index(day) + 1
        if to and found:
            # 周六至周一 goes over the end of the week.
            found += [(found[-1] + more - 1) % 7 + 1 for more in range(1, (number - found[-1]) % 7 + 1)]
        else:
            found.append(number)
    return found


def _span(match: re.Match[str]) -> tuple[str, str]:
    numbers = re.findall(_CLOCK, match["span"])
    first, last = (f"{int(hour):02d}:{'30' if minute == '半' else minute or '00'}" for hour, minute in numbers)
    return first, last


def _end(one: Mapping[str, Any]) -> str:
    return "24:00" if one["to"] == "00:00" else str(one["to"])


def _days_words(weekdays: Sequence[int]) -> str:
    days = tuple(sorted(weekdays))
    if days == _EVERY:
        return "每天"
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"周{_DAYS[days[0] - 1]}至周{_DAYS[days[-1] - 1]}"
    return "、".join(f"周{_DAYS[day - 1]}" for day in days)
