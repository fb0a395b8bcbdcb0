"""The people of a simulated day in a database: invented, with their stations, devices, fences and usual values."""

import multiprocessing
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection

from alerts.change_fence import draw_fence
from alerts.domain.alert import Actor
from alerts.domain.rules.baseline import OWN_LIMIT_FIELDS, baseline
from alerts.domain.rules.fence_definition import fence_of
from simulators.day.population import Resident
from simulators.day.town import Setting, Town, Townsman
from simulators.day.worn import Worn
from simulators.devices.model import moment
from tests.load.day_clock import OPTIONS, set_clock

_NAMES = UUID("a17b0000-0000-4000-8000-00000000da11")
OPERATOR = uuid5(_NAMES, "operator")
#: More than the 168 hours that the built-in rules want, less the hours on the charger.
DAYS_BEFORE = 8
#: Around the home of who has dementia; their walks of every day end within 360 m.
FENCE_METRES = 500

#: (elder, field, median, spread, hours)
Usual = tuple[str, str, float, float, int]


def elder_id(who: str) -> UUID:
    return uuid5(_NAMES, who)


def baselines(setting: Setting) -> list[Usual]:
    """As `anhu upkeep` makes them, from a value an hour of the week before instead of an average of each hour: rather
    a larger spread than it would find."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap(_usual, ((setting, number) for number in range(setting.elders)), chunksize=100)
    return [one for each in found for one in each]


def _usual(setting: Setting, number: int) -> list[Usual]:
    person = Resident(setting.seed, Townsman(setting, number).who)
    if not person.wears_it:
        return []
    worn = Worn(setting.seed, f"wb-{number:05}", person, setting.interval, breath=setting.breath)
    first = moment(setting.on, 0) - timedelta(days=DAYS_BEFORE)
    measured = [worn.measure(first + timedelta(hours=hour)) for hour in range(24 * DAYS_BEFORE)]
    found = []
    for field in OWN_LIMIT_FIELDS:
        usual = baseline([float(one[field]) for one in measured if field in one])
        if usual is not None:
            found.append((person.who, field, usual.median, usual.spread, usual.hours))
    return found


async def settle(url: str, setting: Setting, usual: Sequence[Usual]) -> None:
    town, begin = Town(setting), moment(setting.on, 0)
    async with await AsyncConnection.connect(url, autocommit=True, options=OPTIONS) as connection:
        await set_clock(begin, [], [connection])
        run = connection.execute
        city = uuid5(_NAMES, "city")
        days = (begin.date() - timedelta(days=2), begin.date() + timedelta(days=2))
        await run("SELECT readings_make_partitions(%s, %s)", days)
        # The day lies before the real one: without this its readings would all be noted as late.
        await run("UPDATE readings_rollup SET closed_until = %s, rolled_until = %s", (days[0], days[0]))
        await run("INSERT INTO organizations (id, tier, name) VALUES (%s, 'city', '某市（虚构）')", (city,))
        await run("INSERT INTO gateway_slots (slot, client_id, heard_at) VALUES (1, 'bench', %s)", (begin,))
        stations = {person.station for person in town.people}
        homes = {number: uuid5(_NAMES, f"station-{number}") for number in stations}
        await run(
            "INSERT INTO accounts (id, username, password_hash, name, role)"
            " VALUES (%s, 'operator', '-', %s, 'administrator')",
            (OPERATOR, "值班员（虚构）"),
        )
        async with connection.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, 'community', %s)",
                [(homes[number], city, f"station-{number}") for number in sorted(stations)],
            )
            await cursor.executemany(
                "INSERT INTO elders (id, organization_id, name, care_categories) VALUES (%s, %s, %s, %s)",
                [
                    (elder_id(one.who), homes[one.station], one.who, ["失智"] if one.person.dementia else [])
                    for one in town.people
                ],
            )
            await cursor.executemany(
                "INSERT INTO devices (device_id, kind, organization_id, elder_id, enrolled_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                [
                    (device, kind, homes[one.station], elder_id(one.who), begin - timedelta(days=30))
                    for one in town.people
                    for device, kind in ((one.wristband, "wristband"), (one.bed, "bed_sensor"))
                    if device is not None
                ],
            )
            await cursor.executemany(
                "INSERT INTO elder_baselines (elder_id, field, median, spread, hours, made_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [(elder_id(who), *values, begin) for who, *values in usual],
            )
        heard = "INSERT INTO device_states (device_key, last_seen_at, battery) SELECT key, %s, 80 FROM devices"
        await run(heard, (begin,))
        for one in town.people:
            if one.person.dementia:
                await _fence(connection, one)
        await run("ANALYZE")


async def _fence(connection: AsyncConnection[Any], one: Townsman) -> None:
    assert one.person.home is not None
    lat, lon = one.person.home
    shape = {"kind": "circle", "centre": {"lat": lat, "lon": lon}, "radius": FENCE_METRES}
    fence = fence_of({"name": "家附近", "keep": "keep_in", "shape": shape}, OPERATOR, 1)
    await draw_fence(connection, elder_id(one.who), fence, Actor(OPERATOR, "值班员（虚构）"), "模拟")
