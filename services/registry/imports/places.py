"""Organisations as a file names them: by code, by name, by what people call the place. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from services.registry.imports.words import nearest

_CODE = re.compile(r"[0-9]{6}(?:[0-9]{3}){0,2}")
# 北禅社区居民委员会, 北禅社区居委会, 北禅社区养老服务站 and 北禅社区 are one place to whoever fills in a form.
_ENDINGS = re.compile(
    r"(居民委员会|居委会|村民委员会|村委会|(社会)?养老服务(站|中心|点)|养老服务应急救援中心|办事处|街道办)$"
)
_SEPARATORS = re.compile(r"[\s/\\>＞\-—·,，、]+")


@dataclass(frozen=True, slots=True)
class Place:
    id: UUID
    parent_id: UUID | None
    tier: str
    name: str
    division_code: str | None


@dataclass(frozen=True, slots=True)
class NoPlaceError(Exception):
    message: str
    mend: str


def plain(name: str) -> str:
    """A name without what is added to a place's: what two ways of naming it have in common."""
    return _ENDINGS.sub("", _SEPARATORS.sub("", name)).lower()


class Places:
    """What an importer may use: the organisations within their reach."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._by_id = {place.id: place for place in places}
        self._by_word: dict[str, list[Place]] = {}
        for place in self._by_id.values():
            for word in {place.name.lower(), plain(place.name), place.division_code, str(place.id)} - {None, ""}:
                self._by_word.setdefault(str(word), []).append(place)
        self._find = lru_cache(maxsize=100_000)(self._look)

    def __contains__(self, place_id: UUID) -> bool:
        return place_id in self._by_id

    @property
    def all(self) -> Iterable[Place]:
        return self._by_id.values()

    def place(self, place_id: UUID) -> Place:
        return self._by_id[place_id]

    def path(self, place_id: UUID) -> list[Place]:
        """From the place up, itself first, as far as it is known here."""
        path: list[Place] = []
        at: UUID | None = place_id
        while at is not None and at in self._by_id and len(path) < 20:
            path.append(self._by_id[at])
            at = self._by_id[at].parent_id
        return path

    def find(self, word: str, below: str | None = None) -> Place:
        """`below`: the street or district that the file names beside it. Raises NoPlaceError."""
        found = self._find(word, below)
        if isinstance(found, NoPlaceError):
            raise found
        return found

    def _look(self, word: str, below: str | None) -> Place | NoPlaceError:
        candidates = self._candidates(word)
        if not candidates:
            candidates = self._by_whole_path(word)
        if below and len(candidates) > 1:
            upper = {place.id for place in self._candidates(below)}
            candidates = [
                one for one in candidates if upper & {place.id for place in self.path(one.id)[1:]}
            ] or candidates
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            ways = "；".join("/".join(place.name for place in reversed(self.path(one.id))) for one in candidates[:3])
            return NoPlaceError(
                f"有 {len(candidates)} 个机构叫这个名字", f"请填区划代码，或在前面写上街道，例如：{ways}"
            )
        meant = nearest(word, {place.name for place in self._by_id.values()}) or nearest(plain(word), self._by_word)
        return NoPlaceError(
            "没有这个机构，或不在您的管辖范围内",
            f"是不是“{self._by_word[meant.lower()][0].name}”？请改成系统里的名称或区划代码"
            if meant
            else "请填系统里的机构名称或区划代码；新机构要先建立",
        )

    def _candidates(self, word: str) -> list[Place]:
        exact = self._by_word.get(word.strip().lower(), [])
        if len(exact) == 1:
            return exact
        if not exact and not _CODE.fullmatch(word):
            exact = self._by_word.get(plain(word), [])
        if len(exact) > 1:
            # A community's point may have its code and a like name: the place itself is meant.
            tops = [one for one in exact if not {place.id for place in self.path(one.id)[1:]} & {o.id for o in exact}]
            return tops if len(tops) == 1 else exact
        return exact

    def _by_whole_path(self, word: str) -> list[Place]:
        """龙岗街道北禅社区: the name of a place after names of those above it."""
        whole = plain(word)
        found = []
        for place in self._by_id.values():
            own = plain(place.name)
            if not own or not whole.endswith(own) or len(own) < 2:
                continue
            rest = whole[: -len(own)]
            for upper in self.path(place.id)[1:]:
                name = plain(upper.name)
                rest = rest.removesuffix(name) if name else rest
            if not rest:
                found.append(place)
        longest = max((len(plain(one.name)) for one in found), default=0)
        return [one for one in found if len(plain(one.name)) == longest]
