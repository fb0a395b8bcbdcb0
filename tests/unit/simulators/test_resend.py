"""When an event is said again, and what ends it; time is made up."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.backlog import Backlog
from simulators.resend import Outbox, ResendDelays
from simulators.stages import STAGES, out_of_reach, reached, settles


@dataclass
class Clocked:
    """Sends whatever is due, second by second."""

    outbox: Outbox
    now: int = 0

    def until(self, end, receipts=()):
        """The seconds at which something was sent."""
        sent = []
        for second in range(self.now, end):
            for event_id, at, stage in receipts:
                if at == second:
                    self.outbox.receipt(event_id, stage)
            for event in self.outbox.due(second):
                self.outbox.sent(event.event_id, second)
                sent.append(second)
        self.now = end
        return sent


@pytest.fixture
def clocked():
    outbox = Outbox()
    outbox.put("e", b"{}", now=0)
    return Clocked(outbox)


def test_repeats_come_after_five_seconds_doubling_to_sixty_without_end(clocked):
    assert clocked.until(400) == [0, 5, 15, 35, 75, 135, 195, 255, 315, 375]
    assert len(clocked.until(3600 * 24)) == pytest.approx(24 * 60, abs=10)


def test_delays_do_not_overflow_after_years():
    assert ResendDelays().after(10**9) == 60


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_of_the_contract_ends_the_repeats(stage, clocked):
    assert clocked.until(100, [("e", 7, stage)]) == [0, 5]
    assert not clocked.outbox
    assert clocked.outbox.next_due() is None


@pytest.mark.parametrize("stage", ["", "STORED", "noticed", "raise"])
def test_a_stage_that_is_not_known_ends_nothing(stage, clocked):
    assert clocked.until(40, [("e", 7, stage)]) == [0, 5, 15, 35]


def test_a_receipt_for_another_event_ends_nothing(clocked):
    assert clocked.until(20, [("f", 7, "stored")]) == [0, 5, 15]


def test_what_failed_to_be_sent_is_due_at_once_and_then_goes_on_as_before(clocked):
    clocked.until(6)
    clocked.outbox.failed("e", now=6)
    assert clocked.until(60) == [6, 26]


def test_what_fell_due_while_there_was_no_connection_is_sent_once_on_return(clocked):
    clocked.until(1)
    clocked.now = 1000
    assert clocked.until(1020) == [1000, 1010]


def test_events_are_sent_in_the_order_they_happened():
    outbox = Outbox()
    for number in range(20):
        outbox.put(f"e{number}", b"", now=5)
    assert [event.event_id for event in outbox.due(5)] == [f"e{number}" for number in range(20)]
    assert not outbox.due(4)


def test_an_event_id_that_is_still_waiting_cannot_be_used_again(clocked):
    with pytest.raises(ValueError, match="already waiting"):
        clocked.outbox.put("e", b"other", now=1)


@pytest.mark.parametrize(("first", "longest"), [(0, 60), (-1, 60), (61, 60)])
def test_delays_that_make_no_sense_are_refused(first, longest):
    with pytest.raises(ValueError, match="0 < first <= longest"):
        ResendDelays(first, longest)


@pytest.mark.parametrize(
    ("wanted", "seen", "got", "lost"),
    [
        ("stored", [], False, None),
        ("stored", ["raised"], True, None),
        ("raised", ["stored"], False, None),
        ("acknowledged", ["stored", "raised", "dispatched"], True, None),
        ("resolved", ["arrived", "stored"], False, None),
        ("stored", ["cancelled"], True, None),
        ("cancelled", ["resolved"], False, None),
        ("cancelled", ["stored", "cancelled"], True, None),
        ("acknowledged", ["stored", "raised", "cancelled"], False, "cancelled"),
        ("seen", ["cancelled"], False, "cancelled"),
        ("stored", ["rejected"], False, "rejected"),
        ("rejected", ["rejected"], True, None),
        ("stored", ["news from the future"], False, None),
    ],
)
def test_a_later_stage_implies_the_earlier_ones(wanted, seen, got, lost):
    assert reached(wanted, seen) is got
    assert out_of_reach(wanted, seen) == lost


def test_only_the_contracts_stages_settle():
    assert all(map(settles, STAGES))
    assert not settles("anything else")


@given(st.integers(1, 30), st.lists(st.sampled_from(["put", "upload"]), max_size=80))
def test_a_backlog_uploads_in_order_and_loses_only_the_oldest(capacity, acts):
    backlog, put, uploaded = Backlog(capacity), 0, []
    for act in acts:
        if act == "put":
            put += 1
            backlog.put({"seq": put})
        else:
            mark, batch = backlog.next_upload()
            assert len(batch) <= 500
            uploaded += [reading["seq"] for reading in batch]
            backlog.uploaded(mark)
            assert not backlog
    assert uploaded == sorted(set(uploaded))
    assert len(uploaded) + len(backlog) + backlog.overwritten == put


def test_an_upload_carries_at_most_five_hundred_readings():
    backlog = Backlog()
    for number in range(1201):
        backlog.put({"seq": number})
    sizes = []
    while backlog:
        mark, batch = backlog.next_upload()
        sizes.append(len(batch))
        backlog.uploaded(mark)
    assert sizes == [500, 500, 201]


def test_what_is_overwritten_during_an_upload_takes_nothing_newer_with_it():
    backlog = Backlog(capacity=3)
    for number in range(3):
        backlog.put({"seq": number})
    mark, _ = backlog.next_upload()
    backlog.put({"seq": 3})
    backlog.uploaded(mark)
    assert [reading["seq"] for reading in backlog.next_upload()[1]] == [3]
