"""Initials of a name in pinyin, by which people are found: 张桂兰 is zgl. Pure."""

from functools import lru_cache

#: Surnames that are read otherwise than the character is elsewhere. Both readings are kept: whoever searches may not
#: know better.
_SURNAMES = {
    "曾": "z", "单": "s", "解": "x", "仇": "q", "查": "z", "盖": "g", "乐": "y", "覃": "q", "朴": "p", "区": "o",
    "种": "c", "繁": "p", "尉": "y", "员": "y", "重": "c", "缪": "m", "翟": "z", "瞿": "q", "冼": "x", "幸": "x",
}  # fmt: skip


def initials(name: str) -> str:
    """In lower case; two words where there are two readings; "" of a name without letters."""
    letters = "".join(_initial(one) for word in name.split() for one in (word[0] if word.isascii() else word))
    other = _SURNAMES.get(name[:1])
    return f"{letters} {other}{letters[1:]}" if other and letters and other != letters[0] else letters


@lru_cache(maxsize=50_000)
def _initial(character: str) -> str:
    """Of a name each character is read by itself: phrases do not help."""
    if character.isascii():
        return character.lower() if character.isalpha() else ""
    # Here, and not above: its dictionary takes a third of a second that whoever starts has not.
    from pypinyin import Style, lazy_pinyin

    return "".join(lazy_pinyin(character, style=Style.FIRST_LETTER, errors="ignore")).lower()
