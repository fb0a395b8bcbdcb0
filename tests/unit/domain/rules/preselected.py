"""What a database says of readings, made in memory: as `alerts.history` asks for it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from alerts.domain.rules import news2
from alerts.domain.rules.limits import Band, envelope
from alerts.domain.rules.model import Episode, Rule, Sample, Score, Subject
from alerts.domain.rules.preselecting import (
    WIDTH,
    Bucket,
    Chain,
    Span,
    Suspicion,
    decided,
    joined,
    may_be_enough,
    most_of,
    points_in,
    span_of,
    width_of,
    within,
)

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def buckets(history: Sequence[Sample], bands: dict[str, Band], width: timedelta) -> list[Bucket]:
    of_bin: dict[int, list[Sample]] = {}
    for sample in history:
        if any(_outside(sample, field, band) for field, band in bands.items()):
            of_bin.setdefault((sample.at - _EPOCH) // width, []).append(sample)
    found = []
    for samples in of_bin.values():
        times = [one.at for one in samples]
        extremes = {}
        for field in bands:
            values = [float(one.values[field]) for one in samples if field in one.values]
            if values:
                extremes[field] = (min(values), max(values))
        found.append(Bucket(min(times), max(times), extremes))
    return sorted(found, key=lambda one: one.first)


def _outside(sample: Sample, field: str, band: Band) -> bool:
    value, (low, high) = sample.values.get(field), band
    return value is not None and ((low is not None and value < low) or (high is not None and value > high))


def marks(chain: Chain, who: Subject, history: Sequence[Sample]) -> list[Span]:
    """As a database says them: of each instant the points of what was measured, and else the caps."""
    score = chain.rule.condition
    assert isinstance(score, Score)
    measured: dict[datetime, dict[str, int]] = {}
    for one in history:
        if chain.first <= one.at <= chain.last and one.values.get("worn") is not False:
            points = {
                field: news2.points_of(field, float(one.values[field]), scale_2=who.spo2_scale_2)
                for field in news2.MEASURED
                if field in one.values
            }
            measured[one.at] = most_of([measured.get(one.at, {}), points])
    bins: dict[int, list[datetime]] = {}
    for at, points in measured.items():
        if any(points.values()) and may_be_enough(score, {**chain.caps, **points}):
            bins.setdefault((at - _EPOCH) // WIDTH, []).append(at)
    return [(min(times), max(times)) for times in bins.values()]


def from_preselected(
    rules: Sequence[Rule], who: Subject, history: Sequence[Sample], begin: datetime, end: datetime
) -> tuple[list[tuple[Rule, Episode]], int]:
    """The episodes from what is preselected alone, and how many samples were read for them."""
    suspicions = [(rule, Suspicion(rule, who)) for rule in rules]
    for bucket in buckets(history, envelope(rules, who), width_of(rules)):
        for _, suspicion in suspicions:
            suspicion.take(bucket, points_in(bucket, who))
    chains = [
        part
        for _, suspicion in suspicions
        for chain in suspicion.chains()
        for part in (within(chain, marks(chain, who, history)) if isinstance(chain.rule.condition, Score) else [chain])
    ]
    spans = tuple(joined(span_of(chain, begin, end) for chain in chains))
    while True:
        read = [[one for one in history if first <= one.at <= last] for first, last in spans]
        told = decided(rules, who, spans, read, end)
        if not isinstance(told, tuple):
            return [(rule, one) for rule, found in told for one in found], sum(map(len, read))
        spans = told
