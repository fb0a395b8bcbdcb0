"""A trial's result as people read it: names in the place of ids."""

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

_ELDERS = "SELECT p.id::text, p.name FROM elders p WHERE p.id = ANY(%(elders)s::uuid[]) AND {}"
_ORGANIZATIONS = "SELECT id::text, name FROM organizations WHERE id = ANY(%s::uuid[])"


async def named(
    connection: Connection, result: Mapping[str, Any], reached: str = "true", parameters: Mapping[str, Any] = {}
) -> dict[str, Any]:
    """Without the episodes and incidents of elders who are gone, or not `reached` (an SQL condition on elders p)."""
    incidents = result["incidents"]
    elders = sorted({one["elder_id"] for one in [*result["episodes"], *incidents["items"]]})
    rows = await connection.execute(_ELDERS.format(reached), {**parameters, "elders": elders})
    elder_names = dict(await rows.fetchall())
    both = ("tried", "in_force")
    organizations = sorted({one["id"] for name in both for one in result[name]["by_organization"]})
    rows = await connection.execute(_ORGANIZATIONS, (organizations,))
    organization_names = dict(await rows.fetchall())

    def of_elders(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in one.items() if name != "elder_id"}
            | {"elder": {"id": one["elder_id"], "name": elder_names[one["elder_id"]]}}
            for one in items
            if one["elder_id"] in elder_names
        ]

    counts = {
        name: result[name]
        | {
            "by_organization": [
                one | {"name": organization_names.get(one["id"], "")} for one in result[name]["by_organization"]
            ]
        }
        for name in both
    }
    episodes = of_elders(result["episodes"])
    return {
        **result,
        **counts,
        "incidents": incidents | {"items": of_elders(incidents["items"])},
        "episodes": episodes,
        "more": result["tried"]["alerts"] - len(episodes),
    }
