"""The holding table of ARCHITECTURE.md and the code say the same."""

import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from alerts.domain import intake
from alerts.domain.alert import RaisedBy, Rule, Severity
from alerts.domain.holding import NEVER_HELD, Candidate, Cover, Kind, Whose, hold, of_event, of_rule
from alerts.domain.rules.flapping import MOST, fluctuates, fold_quietly
from alerts.domain.rules.following import Begin, Held, held
from alerts.domain.rules.model import Direction, Episode, Limit
from alerts.domain.rules.raising import Said
from tests.unit.domain.making import CITY, DISTRICT, ELDER, FALL, NOON, SOS, STATION, STREET, after, alert, event
from tests.unit.domain.rules.making import rule

PAGE = (Path(__file__).parents[3] / "ARCHITECTURE.md").read_text("utf-8")
WHOSE = Whose((CITY, DISTRICT, STREET, STATION), ELDER.id, "wb-1")
EVENTS = {
    "sos": SOS,
    "fall": FALL,
    "smoke": Rule("smoke", Severity.RED, "紧急救援 · 烟雾报警"),
    "gas": Rule("gas", Severity.RED, "紧急救援 · 燃气泄漏"),
    "water_leak": Rule("water_leak", Severity.YELLOW, "漏水报警"),
    "tamper": Rule("tamper", Severity.YELLOW, "设备被拆动"),
    "low_battery": Rule("low_battery", Severity.BLUE, "电量低"),
}


def table() -> list[tuple[str, str, str]]:
    """(source, what would hold it, cell) of every cell of the page's table."""
    block = re.search(r"<!-- holding table.*?-->\n(.*?)<!-- end of holding table -->", PAGE, re.DOTALL)
    assert block is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block[1].strip().splitlines()]
    return [(row[0], by, cell) for row in rows[2:] for by, cell in zip(rows[0][1:], row[1:], strict=True)]


def candidate(source: str) -> Candidate | None:
    kind, _, name = source.partition(" ")
    return of_event(EVENTS[name], WHOSE) if kind == "event" else of_rule("heart_rate_high", Severity(name), WHOSE)


def over_everything(kind: str) -> list[Cover]:
    cover = Cover(UUID(int=1), Kind(kind), after(-60), after(60))
    return [
        replace(cover, elder_id=ELDER.id),
        replace(cover, device_ids=frozenset({"wb-1"})),
        replace(cover, organization_id=CITY),
    ]


def test_the_table_names_every_source_and_every_reason() -> None:
    assert {source for source, _, _ in table()} == {
        *(f"event {name}" for name in EVENTS),
        *(f"rule {severity}" for severity in Severity),
    }
    assert {by for _, by, _ in table()} == {*Kind, "inhibition", "flapping"}
    assert set(EVENTS) >= NEVER_HELD


@pytest.mark.parametrize(("source", "by", "cell"), [row for row in table() if row[1] in set(Kind)])
def test_a_cover_holds_what_the_table_says(source: str, by: str, cell: str) -> None:
    asked = candidate(source)
    for cover in over_everything(by):
        found = None if asked is None else hold(asked, [cover], NOON)
        assert (found is not None) == (cell == "held"), cover
        if found is not None:
            assert found.cover == cover


@pytest.mark.parametrize(("source", "cell"), [(row[0], row[2]) for row in table() if row[1] == "inhibition"])
def test_a_worse_episode_inhibits_what_the_table_says(source: str, cell: str) -> None:
    kind, _, name = source.partition(" ")
    if kind == "event":
        assert cell == "raised", "an event is held against no other alert: see intake.raise_alert"
        return
    episode = Episode(NOON, after(60), None, {})
    worse = rule(Limit("heart_rate", Direction.ABOVE, 150, 140), id=UUID(int=501), key="heart_rate_critical")
    steps = [Begin(worse, Severity.RED, episode), Begin(rule(), Severity(name), episode)]
    by_key = {step.rule.key: step for step in held(steps, [], after(90)) if isinstance(step, Begin)}
    assert by_key["heart_rate_critical"].held is None
    assert by_key["heart_rate_high"].held is (Held.COVERED if cell == "held" else None)


@pytest.mark.parametrize(("source", "cell"), [(row[0], row[2]) for row in table() if row[1] == "flapping"])
def test_what_keeps_coming_back_is_damped_as_the_table_says(source: str, cell: str) -> None:
    kind, _, name = source.partition(" ")
    if kind == "event":
        asking = alert("acknowledged", type=name, severity=EVENTS[name].severity)
        assert intake.fold(asking, event(name)).alert.attention
        assert cell == "raised"
        return
    severity = Severity(name)
    back = [(after(300 * n), after(300 * n + 60)) for n in range(MOST + 1)]
    quiet = fluctuates(severity, after(300 * (MOST + 1)), back)
    assert quiet == (cell == "quiet")
    answered = alert("acknowledged", type="rule.heart_rate_high", severity=severity)
    said = Said(
        *(UUID(int=5), "heart_rate_high", severity, "心率过高", RaisedBy(UUID(int=500), 1, "心率 134 次/分", {})),
        *(NOON, NOON, "wb-1", "wristband", None),
    )
    change = fold_quietly(answered, said)
    assert change.alert.occurrences == answered.occurrences + 1
    assert change.alert.attention == (cell == "raised")
    assert [entry.kind for entry in change.entries] == ["folded" if cell == "raised" else "fluctuated"]
