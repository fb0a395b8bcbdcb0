"""Reads what a trial has preselected, a portion of elders at a time, and plays it through the evaluator: here, or in
processes of its own."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection

from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.judging import measured_by
from alerts.domain.rules.living import may_speak
from alerts.domain.rules.model import Beyond, Episode, Living, OutOfBed, Rule, Score, Still, Subject
from alerts.domain.rules.preselecting import Chain, Span, decided, joined, span_of, within
from alerts.domain.rules.scope import severity_for
from alerts.domain.rules.sentence import sentence
from alerts.domain.rules.trying import Pair, Raised
from alerts.history import around, by_index, instants, quietly
from alerts.living_samples import living_samples
from alerts.samples import Worn

Connection = AsyncConnection[Any]

#: How much is read at once: of a reading a minute some twenty thousand, and as many that are wanted further on.
_AT_ONCE: Final = timedelta(days=15)
#: What is read before and after a stretch, about.
_BESIDE: Final = timedelta(hours=2)
#: Fewer portions are played before other processes have started.
_HERE: Final = 2


@dataclass(frozen=True, slots=True)
class Case:
    """One person in a trial. `begin` and `until`: the whole of the time that matters."""

    subject: Subject
    devices: tuple[Worn, ...]
    pair: Pair
    begin: datetime
    until: datetime
    #: where rules on measurements may have spoken
    chains: tuple[Chain, ...]


@dataclass(frozen=True, slots=True)
class Found:
    tried: list[Raised]
    in_force: list[Raised]

    def add(self, other: "Found") -> None:
        self.tried.extend(other.tried)
        self.in_force.extend(other.in_force)


def is_living(rule: Rule) -> bool:
    return isinstance(rule.condition, Living)


async def play(connection: Connection, cases: Sequence[Case]) -> Found:
    """All that is raised in these cases."""
    found = Found([], [])
    for case in cases:
        for rule in filter(is_living, case.pair.rules):
            _sort_in(found, case, rule, await _lived(connection, case, rule))
    fields = sorted({field for case in cases for rule in case.pair.rules for field in measured_by(rule)})
    left = await _spans(connection, cases)
    while left:
        read = iter(await around(connection, [(case.devices, span) for case, spans in left for span in spans], fields))
        again = []
        for case, spans in left:
            measuring = [rule for rule in case.pair.rules if not is_living(rule)]
            told = decided(measuring, case.subject, spans, [next(read) for _ in spans], case.until)
            if isinstance(told, tuple):
                again.append((case, told))
            else:
                for rule, of_rule in told:
                    _sort_in(found, case, rule, of_rule)
        left = again
    return found


async def _spans(connection: Connection, cases: Sequence[Case]) -> list[tuple[Case, tuple[Span, ...]]]:
    """What is to be read of whom; of scores, after a second question."""
    scores = [(case, chain) for case in cases for chain in case.chains if isinstance(chain.rule.condition, Score)]
    marks = await instants(connection, [(case.devices, case.subject, chain) for case, chain in scores])
    parts: dict[int, list[Chain]] = {}
    for (case, chain), of_chain in zip(scores, marks, strict=True):
        parts.setdefault(id(case), []).extend(within(chain, of_chain))
    found = []
    for case in cases:
        chains = [chain for chain in case.chains if not isinstance(chain.rule.condition, Score)]
        spans = joined(span_of(chain, case.begin, case.until) for chain in chains + parts.get(id(case), []))
        if spans:
            found.append((case, tuple(spans)))
    return found


async def _lived(connection: Connection, case: Case, rule: Rule) -> list[Episode]:
    """Rules on where people are and what they do may speak because nothing comes: all is read."""
    if not may_speak(rule, case.subject):
        return []
    condition = rule.condition
    still = isinstance(condition, Still)
    samples = await living_samples(
        connection,
        case.subject.elder_id,
        case.devices,
        [(case.begin, case.until)],
        steps=still or isinstance(condition, OutOfBed),
        places=still or isinstance(condition, Beyond),
    )
    return episodes(rule, case.subject, samples.all, case.until)


def _sort_in(found: Found, case: Case, rule: Rule, of_rule: Iterable[Episode]) -> None:
    raised = [_raised(case.subject, rule, episode) for episode in of_rule]
    if rule == case.pair.tried:
        found.tried.extend(raised)
    if rule == case.pair.in_force:
        found.in_force.extend(raised)


def _raised(subject: Subject, rule: Rule, episode: Episode) -> Raised:
    # In the words in which it would have been said then.
    said = sentence(rule, replace(episode, cleared_at=None), episode.raised_at)
    severity = severity_for(rule, subject)
    return Raised(subject.elder_id, episode.began_at, episode.raised_at, episode.cleared_at, severity, said)


def portions(cases: Iterable[Case]) -> list[list[Case]]:
    found: list[list[Case]] = []
    full = _AT_ONCE
    for case in cases:
        living = any(map(is_living, case.pair.rules))
        size = sum((chain.last - chain.first + _BESIDE for chain in case.chains), timedelta(0)) * len(case.devices)
        size += case.until - case.begin if living else timedelta(0)
        if full + size > _AT_ONCE:
            found.append([])
            full = timedelta(0)
        found[-1].append(case)
        full += size
    return found


async def play_all(
    connection: Connection, database_url: str, cases: Iterable[Case], processes: int, tell: Callable[[float], None]
) -> Found:
    """Plays all of them, a portion at a time on `connection`, or, when there are many, in so many processes. `tell` is
    told which share is done."""
    found, todo = Found([], []), portions(cases)
    if processes < 2 or len(todo) <= _HERE:
        await by_index(connection)
        for number, portion in enumerate(todo, 1):
            found.add(await play(connection, portion))
            tell(number / len(todo))
        return found
    # Not forked: this process has threads. Whoever ends this one ends them.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin, (database_url,))
    try:
        waiting = [asyncio.wrap_future(pool.submit(_play, portion)) for portion in todo]
        for number, played in enumerate(asyncio.as_completed(waiting), 1):
            found.add(await played)
            tell(number / len(todo))
    finally:
        # Not before those that are at it have ended: a portion takes a second or so.
        await asyncio.to_thread(pool.shutdown, cancel_futures=True)
    return found


class _Player:
    """What a process that plays keeps: its loop and its connection."""

    def __init__(self, database_url: str) -> None:
        self.runner = asyncio.Runner()
        self.connection = self.runner.run(self._connect(database_url))

    async def _connect(self, database_url: str) -> Connection:
        connection: Connection = await AsyncConnection.connect(database_url, autocommit=True, connect_timeout=5)
        await quietly(connection)
        await by_index(connection)
        return connection


_player: list[_Player] = []


def _begin(database_url: str) -> None:
    # Ctrl-C, which a terminal sends to all, is for who began us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    _player.append(_Player(database_url))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _play(portion: list[Case]) -> Found:
    [player] = _player
    return player.runner.run(play(player.connection, portion))
