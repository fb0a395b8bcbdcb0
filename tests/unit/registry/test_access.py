"""Who may do what: the table in ARCHITECTURE.md and the one in code, and what follows from ties."""

import json
from pathlib import Path

import pytest

from services.api.gate import OPEN, asked_of, is_open
from services.registry.access import NAMES_NOBODY, TABLE, Action, Decision, Role, Thing, Tie, allows, decide, ties_of

ROOT = Path(__file__).parents[3]
WORDS = {Decision.ALLOWED: "yes", Decision.WITHHELD: "withheld", Decision.REFUSED: "–"}


def _documented() -> list[list[str]]:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    between = text.split("<!-- access table:")[1].split("<!-- end of access table -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in between.splitlines() if "|" in line]


def test_the_table_is_the_documented_one() -> None:
    head, _, *rows = _documented()
    assert head == ["thing", "action", *(role.value for role in Role)]
    assert rows == [
        [thing.value, action.value, *(WORDS[decision] for decision in row.values())]
        for (thing, action), row in TABLE.items()
    ]


def test_every_thing_and_every_route_is_in_it() -> None:
    assert {thing for thing, _ in TABLE} == set(Thing)
    document = json.loads((ROOT / "docs/contract/openapi.json").read_text("utf-8"))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "security" in operation:
                asked = asked_of(method.upper(), path)
                assert asked in TABLE, f"{method} {path}: say in services/api/gate.py what it is"
            else:
                assert is_open(path), f"{method} {path} asks for nobody"
    assert all(asked_of("GET", f"/api/v1{path}") is None for path in OPEN)
    assert asked_of("GET", "/api/v1/nothing-like-it") is None


@pytest.mark.parametrize("thing", Thing)
@pytest.mark.parametrize("action", Action)
def test_what_nobody_is_tied_to_is_refused(thing: Thing, action: Action) -> None:
    for role in (*Role, "somebody new"):
        assert decide(role, Tie.NONE, thing, action) is Decision.REFUSED
        for tie in Tie:
            decision = decide(role, tie, thing, action)
            assert decision in (allows(role, thing, action), Decision.REFUSED)
            if tie is Tie.SHARED and thing not in (
                Thing.ALERTS,
                Thing.LIVE,
                Thing.HANDOVER,
                Thing.CAMERA_VIEWS,
            ):
                assert decision is Decision.REFUSED
            if thing not in NAMES_NOBODY and tie not in ties_of(role):
                assert decision is Decision.REFUSED


@pytest.mark.parametrize(
    ("role", "tie", "thing", "action", "wanted"),
    [
        ("operator", Tie.WITHIN, Thing.ALERTS, Action.MOVE, Decision.ALLOWED),
        ("operator", Tie.SHARED, Thing.ALERTS, Action.MOVE, Decision.ALLOWED),
        ("operator", Tie.SHARED, Thing.ELDERS, Action.READ, Decision.REFUSED),
        ("operator", Tie.WITHIN, Thing.ELDERS, Action.READ, Decision.WITHHELD),
        ("supervisor", Tie.WITHIN, Thing.REPORTS, Action.READ, Decision.ALLOWED),
        ("supervisor", Tie.WITHIN, Thing.ELDERS, Action.READ, Decision.REFUSED),
        ("supervisor", Tie.CLIMBED, Thing.ALERTS, Action.READ, Decision.WITHHELD),
        ("supervisor", Tie.CLIMBED, Thing.ALERTS, Action.MOVE, Decision.REFUSED),
        ("operator", Tie.SHARED, Thing.CAMERA_VIEWS, Action.OPEN, Decision.ALLOWED),
        ("operator", Tie.SHARED, Thing.CAMERAS, Action.READ, Decision.REFUSED),
        ("supervisor", Tie.CLIMBED, Thing.CAMERA_VIEWS, Action.OPEN, Decision.REFUSED),
        ("caregiver", Tie.THEIR_ELDER, Thing.CAMERA_VIEWS, Action.OPEN, Decision.REFUSED),
        ("caregiver", Tie.THEIR_ELDER, Thing.ELDERS, Action.READ, Decision.WITHHELD),
        ("caregiver", Tie.WITHIN, Thing.ELDERS, Action.READ, Decision.REFUSED),
        ("auditor", Tie.WITHIN, Thing.TRAILS, Action.READ, Decision.WITHHELD),
        ("auditor", Tie.WITHIN, Thing.READINGS, Action.READ, Decision.REFUSED),
        ("responder", Tie.WITHIN, Thing.ALERTS, Action.READ, Decision.REFUSED),
        ("service", Tie.WITHIN, Thing.ALERTS, Action.READ, Decision.REFUSED),
    ],
)
def test_some_that_matter(role: str, tie: Tie, thing: Thing, action: Action, wanted: Decision) -> None:
    assert decide(role, tie, thing, action) is wanted


def test_an_auditor_changes_nothing_and_sees_no_health() -> None:
    for (thing, action), row in TABLE.items():
        if action is not Action.READ and thing is not Thing.OWN:
            assert row[Role.AUDITOR] is Decision.REFUSED
    for thing in (Thing.ELDERS, Thing.READINGS, Thing.ALERTS, Thing.PERSON, Thing.PHONES, Thing.WITHHELD):
        assert all(row[Role.AUDITOR] is Decision.REFUSED for (one, _), row in TABLE.items() if one is thing)
