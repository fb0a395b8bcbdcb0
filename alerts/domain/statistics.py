"""Counts of an organisation and of those below it, put together. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

#: GB/T 42195-2022, from the best to the worst; None: nobody has assessed it.
LEVELS: Final = ("intact", "mild", "moderate", "severe", "total")


@dataclass(slots=True)
class Figures:
    """Of one group of organisations."""

    elders: int = 0
    equipped: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    living: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    devices: Counter[str] = field(default_factory=Counter)
    online: Counter[str] = field(default_factory=Counter)
    worn: float = 0.0
    wearable: float = 0.0
    visits: Counter[str] = field(default_factory=Counter)
    visited: int = 0
    planned: int = 0
    overdue: int = 0
    requests: int = 0
    requests_done: int = 0

    def add(self, other: "Figures") -> None:
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            else:
                setattr(self, name, mine + theirs)

    def told(self) -> dict[str, Any]:
        devices = sum(self.devices.values())
        return {
            "elders": self.elders,
            "equipped": self.equipped,
            "categories": dict(self.categories),
            "living": dict(self.living),
            "levels": {level: self.levels[level] for level in LEVELS} | {"unknown": self.levels["unknown"]},
            "devices": devices,
            "online": sum(self.online.values()),
            "online_share": share(sum(self.online.values()), devices),
            "kinds": {
                kind: {"devices": count, "online": self.online[kind]} for kind, count in self.devices.most_common()
            },
            "wear_rate": share(self.worn, self.wearable),
            "visits": {name: self.visits[name] for name in ("met", "telephone", "not_met")},
            "visited": self.visited,
            "planned": self.planned,
            "overdue": self.overdue,
            "requests": self.requests,
            "requests_done": self.requests_done,
        }


def share(part: float, whole: float) -> float | None:
    """0 to 1; None of nothing."""
    return round(part / whole, 4) if whole else None


def together(groups: Iterable[Figures]) -> Figures:
    total = Figures()
    for one in groups:
        total.add(one)
    return total
