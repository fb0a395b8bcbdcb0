"""Alerts that climb while the workers that make them climb are killed: no step is skipped, and none is done twice."""

from collections.abc import Iterator

import pytest

from tests.faults.killing import Killer, start_named
from tests.faults.storm import eventually
from tests.parts.figures import Tell
from tests.parts.system import System

# Presses of invented devices, as a gateway commits them.
PRESS = """
WITH stored AS (
    INSERT INTO events (device_id, event_id, type, ts_key, occurred_at, received_at, last_received_at, raw,
                        organization_id)
    SELECT 'climber-' || %s || '-' || n, 'press', 'sos', '', now(), now(), now(), '', %s::uuid
    FROM generate_series(1, %s) AS n RETURNING id, device_id)
INSERT INTO event_queue (event, device_id, urgent) SELECT id, device_id, true FROM stored
"""
SHIFTS = """
INSERT INTO duty_shifts (id, organization_id, name, begins, ends, people, turn, days, first_day, made_by_name)
SELECT gen_random_uuid(), o.organization_id, '昼夜', '00:00', '00:00', ARRAY[a.id], 'together',
       ARRAY['workday', 'rest', 'holiday'], '2020-01-01', '试验'
FROM accounts a JOIN account_organizations o ON o.account_id = a.id
WHERE a.username IN ('anheyuan-1', 'beichan-1', 'street-1', 'district-1', 'city-1')
"""
CLIMBERS = "SELECT id FROM alerts WHERE device_id LIKE 'climber-' || %s || '-%%'"


@pytest.fixture
def rostered(pair: System) -> Iterator[System]:
    """Somebody is on shift at each tier, round the clock; and nobody is missed at a screen."""
    pair.sql(SHIFTS)
    pair.sql(
        "WITH made AS (INSERT INTO escalation_policies SELECT gen_random_uuid(), id, 1 FROM organizations"
        " WHERE parent_id IS NULL RETURNING id)"
        " INSERT INTO escalation_policy_versions (policy_id, version, definition, changed_by_name, reason)"
        """ SELECT id, 1, '{"name": "试验", "watch": "never", "plans": []}', '试验', '试验' FROM made"""
    )
    yield pair
    pair.sql("DELETE FROM duty_shifts")
    pair.sql("UPDATE escalation_policy_versions SET definition = NULL")


def climb(system: System, names: tuple[str, ...], batch: str, count: int, times: int, tell: Tell) -> None:
    station = system.organization("point")
    system.sql(PRESS, batch, station, count)
    with Killer(system, names, 11, times=times) as killer:

        def all_at_the_root() -> bool:
            # An hour of escalation in seconds: whatever is next is due now.
            system.sql(
                "UPDATE alert_timers SET due_at = clock_timestamp()"
                " WHERE kind = 'escalate' AND due_at > clock_timestamp()"
                f" AND alert_id IN ({CLIMBERS}) AND alert_id IN (SELECT alert_id FROM alert_escalations)",
                batch,
            )
            [(done,)] = system.sql(
                f"SELECT count(*) FROM ({CLIMBERS}) c"
                " WHERE 5 = (SELECT count(*) FROM alert_routes WHERE alert_id = c.id)",
                batch,
            )
            return bool(done == count)

        eventually(all_at_the_root, "every alert is at the root", limit=240)
        killer.wait(120)
    system.wait_until_ready()
    at_each_tier = system.sql(
        "SELECT count(*), count(DISTINCT alert_id), count(DISTINCT (alert_id, body ->> 'organization_id')),"
        " count(DISTINCT (alert_id, body ->> 'step', body ->> 'round')) FROM alert_timeline"
        f" WHERE kind = 'escalated' AND alert_id IN ({CLIMBERS})",
        batch,
    )
    assert at_each_tier == [(4 * count, count, 4 * count, 4 * count)], "four tiers above the first, once each"
    entries = system.sql(
        "SELECT count(*), count(DISTINCT (alert_id, body ->> 'epoch', body ->> 'step', body ->> 'round'))"
        f" FROM alert_timeline WHERE kind = 'notified' AND alert_id IN ({CLIMBERS})",
        batch,
    )
    assert entries == [(5 * count, 5 * count)]
    told = system.sql(
        "SELECT a.username, n.why, count(*), count(DISTINCT n.key), count(DISTINCT n.alert_id)"
        f" FROM notices n JOIN accounts a ON a.id = n.account_id WHERE n.alert_id IN ({CLIMBERS}) GROUP BY 1, 2",
        batch,
    )
    expected = {(f"{one}-1", "tier") for one in ("beichan", "street", "district", "city")} | {("anheyuan-1", "duty")}
    assert {(who, why): counts for who, why, *counts in told} == {one: [count] * 3 for one in expected}
    tell(f"{count} alerts through five tiers, {5 * count} steps and {5 * count} notices, once each; {killer}")
    assert killer.inside.total() > 0, f"no kill landed inside a batch: {killer}"


def test_no_step_is_skipped_or_done_twice_while_both_workers_are_killed(rostered: System, tell: Tell) -> None:
    climb(rostered, ("alerts", "alerts-2"), "two", 60, 2, tell)


@pytest.mark.soak
def test_a_thousand_alerts_while_two_and_then_four_workers_are_killed(rostered: System, tell: Tell) -> None:
    climb(rostered, ("alerts", "alerts-2"), "thousand", 1000, 6, tell)
    start_named(rostered, "alerts-3", "alerts-4")
    climb(rostered, ("alerts", "alerts-2", "alerts-3", "alerts-4"), "four", 1000, 4, tell)
    for name in ("alerts-3", "alerts-4"):
        rostered.kill(name)
