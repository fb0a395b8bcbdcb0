"""Where devices of other makers come in: which topics, which family's decoder, and how hardware finds its device.

The sources file is TOML, a table for each source:

    [homes]
    family = "zigbee2mqtt"
    topic = "homes/{home}/zigbee2mqtt/#"
    reads_as = "zigbee2mqtt/#"
    hardware_id = "{home}/{id}"
    device_id = "zigbee-{home}-{id}"

`topic` is an MQTT filter in which `{name}` stands for one level. `reads_as` is the topic as the family's makers have
it, where that is another one. `hardware_id` makes a name of what the decoder found, `{id}`, and the levels; the device
is the one that table `device_hardware` has for that name, else the one whose id `device_id` gives.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.decoders.family import Family
from gateway.topics import PREFIX
from services.runtime.settings import SettingsError

_LEVEL = re.compile(r"\{([a-z_]+)\}")
_NOT_IN_A_DEVICE_ID = re.compile(r"[^A-Za-z0-9._-]")
_KEYS = {"family", "topic", "reads_as", "hardware_id", "device_id"}


@dataclass(frozen=True)
class Source:
    name: str
    family: Family
    topic: str
    reads_as: str | None = None
    hardware_id: str = "{id}"
    device_id: str = "{id}"

    @property
    def filter(self) -> str:
        """For the broker."""
        return _LEVEL.sub("+", self.topic)

    def levels(self, topic: str) -> dict[str, str] | None:
        """What stands for each `{name}` in a topic of this source; None for another's."""
        names: dict[str, str] = {}
        wanted, given = self.topic.split("/"), topic.split("/")
        for place, level in enumerate(wanted):
            if level == "#":
                return names | {"#": "/".join(given[place:])}
            if place >= len(given):
                return None
            if name := _LEVEL.fullmatch(level):
                names[name[1]] = given[place]
            elif level not in ("+", given[place]):
                return None
        return names if len(given) == len(wanted) else None

    def as_its_makers_have_it(self, topic: str, levels: dict[str, str]) -> str:
        if self.reads_as is None:
            return topic
        return _fill(self.reads_as, levels).replace("#", levels.get("#", ""))

    def named(self, levels: dict[str, str], found: str) -> tuple[str, str]:
        """(hardware id, device id by the template) of what the decoder calls `found`."""
        known = levels | {"id": found}
        return _fill(self.hardware_id, known)[:200], _NOT_IN_A_DEVICE_ID.sub("_", _fill(self.device_id, known))[:64]


def _fill(template: str, names: dict[str, str]) -> str:
    return _LEVEL.sub(lambda level: names[level[1]], template)


def read_sources(path: Path | None) -> tuple[Source, ...]:
    """The sources of a file, none without one. Raises SettingsError: what is wrong, where, and what is wanted."""
    if path is None:
        return ()
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"ANHU_SOURCES_FILE {path}: {error}") from None
    return tuple(_source(path, name, table) for name, table in tables.items())


def _source(path: Path, name: str, table: object) -> Source:
    def wrong(what: str) -> SettingsError:
        return SettingsError(f"ANHU_SOURCES_FILE {path}, [{name}]: {what}")

    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise wrong("want a table of texts: family, topic and, where needed, reads_as, hardware_id, device_id")
    # Here, not above: a gateway without sources has no use for all families, and is back sooner.
    from gateway.decoders.registry import FAMILIES

    if unknown := sorted(table.keys() - _KEYS):
        raise wrong(f"{unknown[0]} is not known: want {', '.join(sorted(_KEYS))}")
    for key in ("family", "topic"):
        if key not in table:
            raise wrong(f"{key} is missing")
    family = FAMILIES.get(table["family"])
    if family is None or table["family"] == "native":
        others = ", ".join(sorted(FAMILIES.keys() - {"native"}))
        raise wrong(f"family {table['family']!r} is not known: want one of {others}")
    topic = table["topic"]
    levels = topic.split("/")
    if any("#" in level for level in levels[:-1]) or any(
        ("#" in level or "+" in level or "{" in level) and not (level in ("#", "+") or _LEVEL.fullmatch(level))
        for level in levels
    ):
        raise wrong(f"topic {topic!r}: `+`, `{{name}}` and, at the end, `#` stand for whole levels")
    if levels[0] in ("#", "+", "$share") or _LEVEL.fullmatch(levels[0]) or topic.startswith(f"{PREFIX}/"):
        raise wrong(f"topic {topic!r} would take in native messages too: begin it with a word of its own")
    given = {level[1] for level in map(_LEVEL.fullmatch, levels) if level}
    for key, also in (("reads_as", set()), ("hardware_id", {"id"}), ("device_id", {"id"})):
        for level in _LEVEL.findall(table.get(key, "")):
            if level not in given | also:
                raise wrong(f"{key} has {{{level}}}, which the topic {topic!r} has not")
    if "#" in table.get("reads_as", "") and levels[-1] != "#":
        raise wrong("reads_as ends in #, the topic does not")
    return Source(name, family, **{key: value for key, value in table.items() if key != "family"})


def filters(sources: Iterable[Source]) -> list[str]:
    return [source.filter for source in sources]
