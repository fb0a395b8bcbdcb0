"""docs/contract as a judge: whatever the system says is held against the files that outsiders read.

What comes from the system must also be documented in full: a field that no file names is a fault, though a reader
of the contract has to bear one.
"""

import copy
import functools
import json
import re
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENTS = Path(__file__).parents[2] / "docs" / "contract"
PROBLEM = "application/problem+json"

_formats = FormatChecker(())


@_formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value.upper()).tzinfo is not None


@_formats.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value


@functools.cache
def schemas() -> dict[str, Any]:
    """Every schema file, by name, as `alert` for alert.schema.json; and `openapi`."""
    found = {path.name.removesuffix(".schema.json"): _read(path) for path in (DOCUMENTS / "schemas").iterdir()}
    return found | {"openapi": _read(DOCUMENTS / "openapi.json")}


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


@functools.cache
def _registry(closed: bool) -> Registry[Any]:
    resources = []
    for name, document in schemas().items():
        address = "openapi.json" if name == "openapi" else f"{name}.schema.json"
        resources.append((address, Resource(_close(document) if closed else document, DRAFT202012)))
    return Registry().with_resources(resources)


def _close(document: Any) -> Any:
    """The same document, in which an object has no other fields than those it names."""
    document = copy.deepcopy(document)

    def walk(node: Any, conditional: bool) -> None:
        if isinstance(node, dict):
            if "properties" in node and not conditional and isinstance(node["properties"], dict):
                node.setdefault("additionalProperties", False)
            for name, part in node.items():
                walk(part, conditional or name in ("if", "then", "else", "allOf", "anyOf"))
        elif isinstance(node, list):
            for part in node:
                walk(part, conditional)

    walk(document, False)
    return document


@functools.cache
def _validator(reference: str, closed: bool) -> Draft202012Validator:
    return Draft202012Validator({"$ref": reference}, registry=_registry(closed), format_checker=_formats)


def faults(schema: str, instance: Any, *, closed: bool = False) -> list[str]:
    """What is wrong with `instance` under `alert` or `live#/$defs/welcome`; `closed`: unnamed fields too."""
    name, _, part = schema.partition("#")
    address = "openapi.json" if name == "openapi" else f"{name}.schema.json"
    reference = f"{address}#{part}" if part else address
    return [f"{error.json_path}: {error.message}" for error in _validator(reference, closed).iter_errors(instance)]


def check(schema: str, instance: Any) -> None:
    """AssertionError when something that the system said is not as the files say."""
    found = faults(schema, instance, closed=True)
    assert not found, f"not as docs/contract says of {schema}: {found} in {instance}"


@functools.cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(re.sub(r"\\\{[^/]+\\\}", "[^/]+", re.escape(path)) + r"\Z"), path)
        # Those that name a thing before those with a {parameter}, as the router has them.
        for path in sorted(schemas()["openapi"]["paths"], key=lambda path: path.count("{"))
    ]


def check_answer(response: httpx.Response) -> None:
    """An answer under /api/v1 has a documented status and the documented form; an error is a problem (RFC 9457)."""
    response.read()
    request, status = response.request, response.status_code
    told = f"{request.method} {request.url} answered {status} {response.text[:300]}"
    if status >= 400:
        assert response.headers["content-type"] == PROBLEM, told
        check("openapi#/components/schemas/Problem", response.json())
        assert response.json()["status"] == status, told
    path = next((path for pattern, path in _paths() if pattern.match(request.url.path)), None)
    operation = schemas()["openapi"]["paths"].get(path, {}).get(request.method.lower())
    if operation is None:
        assert status in (404, 405), f"{told}: not in openapi.json"
        return
    assert str(status) in operation["responses"], f"{told}: openapi.json does not have this status"
    if status in (200, 201) and response.headers["content-type"] == "application/json":
        escaped = str(path).replace("/", "~1")
        place = f"/paths/{escaped}/{request.method.lower()}/responses/{status}/content/application~1json/schema"
        check(f"openapi#{place}", response.json())
        _check_alerts(path or "", response.json())


def _check_alerts(path: str, answer: Any) -> None:
    if path == "/api/v1/alerts":
        for alert in answer["items"]:
            check("alert", alert)
    elif path.startswith("/api/v1/alerts/") and not re.search("/(handover|cameras|responders)", path):
        check(
            "alert",
            {
                name: value
                for name, value in answer.items()
                if name not in ("timeline", "events", "routes", "responders", "call_list", "false_alarms")
            },
        )
