"""docs/contract itself: the files are well formed, agree with each other, and are up to date."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gateway.decoders.model import EVENT_TYPES, Reason
from gateway.topics import Leaf, every_device, receipts
from services.api.openapi import document
from tests.contract.test_readings import RANGES
from tests.parts import documents
from tests.parts.system import System

SCHEMAS = sorted(set(documents.schemas()) - {"openapi"})
ASYNCAPI: dict[str, Any] = yaml.safe_load((documents.DOCUMENTS / "asyncapi.yaml").read_text("utf-8"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_a_schema_and_its_examples_are_examples(name: str) -> None:
    schema = documents.schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{name}.schema.json"
    for example in schema.get("examples", []):
        assert documents.faults(name, example, closed=name in ("alert", "receipt")) == []
    for part, definition in schema.get("$defs", {}).items():
        for example in definition.get("examples", []):
            assert documents.faults(f"{name}#/$defs/{part}", example, closed=True) == []


def test_openapi_is_up_to_date() -> None:
    kept = (documents.DOCUMENTS / "openapi.json").read_text("utf-8")
    assert kept == document(), "run `python -m services.api.openapi > docs/contract/openapi.json`"


def test_the_http_alert_is_the_alert() -> None:
    http = documents.schemas()["openapi"]["components"]["schemas"]["Alert"]
    assert set(http["properties"]) == set(documents.schemas()["alert"]["properties"])
    assert set(http["required"]) == set(documents.schemas()["alert"]["required"])
    nulls = dict.fromkeys(http["properties"])  # left out of the example, as null is the same as absent
    assert documents.faults("alert", nulls | http["example"], closed=True) == []


def test_the_schemas_have_the_contracts_numbers() -> None:
    fields = documents.schemas()["reading"]["properties"]
    assert {name: (fields[name]["minimum"], fields[name]["maximum"]) for name in RANGES} == RANGES
    assert documents.schemas()["readings"]["oneOf"][1]["maxItems"] == 500
    assert set(documents.schemas()["event"]["properties"]["type"]["enum"]) == EVENT_TYPES
    assert {one["const"] for one in documents.schemas()["reason"]["oneOf"]} == set(Reason)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


def _local(reference: str) -> Any:
    found: Any = ASYNCAPI
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    for reference in _references(ASYNCAPI):
        if reference.startswith("#/"):
            assert _local(reference)
        else:
            file, _, part = reference.removeprefix("schemas/").partition("#")
            found: Any = documents.schemas()[file.removesuffix(".schema.json")]
            for name in part.split("/")[1:]:
                found = found[name]
            assert found


def test_every_example_of_asyncapi_fits_its_schema() -> None:
    count = 0
    for name, message in ASYNCAPI["components"]["messages"].items():
        schema = message["payload"]["$ref"].removeprefix("schemas/").replace(".schema.json", "")
        for example in message.get("examples", []):
            assert documents.faults(schema, example["payload"]) == [], name
            count += 1
    assert count >= 10


def test_asyncapi_has_every_topic_and_every_frame() -> None:
    channels = ASYNCAPI["channels"]
    addresses = {channel["address"] for channel in channels.values()}
    up = {every_device(leaf).replace("+", "{device_id}") for leaf in Leaf}
    assert addresses == up | {
        receipts("{device_id}"),
        "anhu/v1/{device_id}/down/commands",
        "/stations/{organization_id}/live",
    }
    frames = documents.schemas()["live"]["$defs"]
    both_ways = {"from_server": "tellScreens", "from_screen": "hearScreens"}
    for way, operation in both_ways.items():
        named = {one["$ref"].rpartition("/")[2] for one in frames[way]["oneOf"]}
        assert {one["$ref"].rpartition("/")[2] for one in ASYNCAPI["operations"][operation]["messages"]} == named
    used = {operation["channel"]["$ref"].rpartition("/")[2] for operation in ASYNCAPI["operations"].values()}
    assert used == set(channels)


def test_what_seeds_demo_json_fits_its_schema(system: System) -> None:
    """As services.demo writes it, of the database that these tests share."""
    seeded = system.seeded
    written = {
        "http": system.url,
        "mqtt": {"host": system.broker.host, "port": system.broker.port},
        "operator": seeded.operator,
        "organization_id": seeded.organization_id,
        "organizations": seeded.organizations,
        "accounts": seeded.accounts,
        "devices": seeded.devices,
    }
    documents.check("demo", written)
    tiers = {one["id"]: one["tier"] for one in seeded.organizations}
    assert tiers[seeded.organization_id] == "community"
    operators = {tiers[one["organization_id"]] for one in seeded.accounts if one["role"] == "operator"}
    assert operators >= set(tiers.values()), "an operator of every tier"
    assert [one for one in seeded.accounts if one["role"] == "caregiver"]
    first = seeded.devices[0]
    [(organization,)] = system.sql("SELECT organization_id::text FROM elders WHERE id = %s", first["elder_id"])
    assert (first["kind"], organization) == ("wristband", seeded.organization_id)
    me = system.sign_in(seeded.operator["username"]).get("/me")
    assert [one["id"] for one in me["organizations"]] == [seeded.organization_id]


def test_every_file_is_named_in_the_readme() -> None:
    text = (documents.DOCUMENTS / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(([^)#:]+)\)", text))
    files = {str(path.relative_to(documents.DOCUMENTS)) for path in documents.DOCUMENTS.rglob("*") if path.is_file()}
    assert files - {"README.md"} <= linked
    assert all((documents.DOCUMENTS / one).exists() for one in linked)
