"""Any rules, people and histories, small and dense: values lie close to limits, times close to durations and gaps."""

from hypothesis import strategies as st

from alerts.domain.rules.fields import FIELDS
from alerts.domain.rules.model import Baseline, Direction, Limit, OwnLimit, Rule, Sample, Score, Subject
from tests.unit.domain.rules.making import at, minutes, rule, subject

#: Whole minutes and hundredths of them; few, so that times meet.
_times = st.integers(0, 90).map(float) | st.integers(0, 9000).map(lambda hundredths: hundredths / 100)
_values = {
    "heart_rate": st.sampled_from([38.0, 45, 50.5, 72, 90.4, 105, 110, 119.999, 120, 120.001, 121, 135, 160])
    | st.floats(30, 200),
    "respiratory_rate": st.sampled_from([8.0, 11, 16, 20, 20.5, 24, 25, 30]),
    "spo2": st.sampled_from([82.0, 91, 91.5, 92, 94, 96, 98]),
    "systolic": st.sampled_from([88.0, 91, 105, 130, 219, 219.5, 230]),
    "body_temperature": st.sampled_from([34.9, 36.0, 36.04, 36.099998474121094, 36.6, 38.0, 38.099998474121094, 39.2]),
}
_fields = st.fixed_dictionaries({}, optional={**_values, "worn": st.booleans()})

_devices = st.sampled_from(["wb-1", "bed-1"])
histories = st.lists(st.builds(lambda minute, *more: Sample(at(minute), *more), _times, _fields, _devices), max_size=40)
#: As devices do it: the same for some samples, then something else, and now and then a pause.
_runs = st.lists(
    st.tuples(_fields, st.integers(1, 12), st.sampled_from([0.5, 1, 2.5, 5]), st.sampled_from([0, 0, 3, 20])),
    min_size=1,
    max_size=6,
)


@st.composite
def _stretches(draw: st.DrawFn) -> list[Sample]:
    taken, minute = [], 0.0
    for values, count, every, pause in draw(_runs):
        for _ in range(count):
            taken.append(Sample(at(minute), values, "wb-1"))
            minute += every
        minute += pause
    return taken


any_history = histories | _stretches()

_spans = st.sampled_from([0, 1, 5, 7.5, 10]).map(minutes)
_gaps = st.sampled_from([1, 2.5, 5, 30]).map(minutes)
#: Each value by itself, or the median of so long.
_overs = st.sampled_from([0, 0, 3, 12]).map(minutes)


@st.composite
def _limits(draw: st.DrawFn) -> Limit:
    field = draw(st.sampled_from(sorted(_values)))
    above = draw(st.booleans())
    value = draw(_values[field] | st.floats(FIELDS[field].lowest, FIELDS[field].highest))
    way_back = draw(st.sampled_from([0.1, 1, 5]))
    if above:
        return Limit(field, Direction.ABOVE, value, value - way_back, draw(_overs))
    return Limit(field, Direction.BELOW, value, value + way_back, draw(_overs))


_own_limits = st.builds(
    OwnLimit,
    st.just("heart_rate"),
    st.sampled_from(Direction),
    st.sampled_from([2.0, 3.3, 4.0]),
    st.sampled_from([0.0, 1.7]),
    st.just(168),
    st.sampled_from([(60.0, 100.0), (70.0, 71.0)]),
    st.just(None),
    st.sampled_from([None, 65.0, 105.0]),
    _overs,
)
_scores = st.builds(Score, st.integers(1, 8), st.booleans(), st.sampled_from([1, 10, 60]).map(minutes))
limit_rules = st.builds(
    lambda condition, lasting, clear_after, gap: rule(condition, lasting=lasting, clear_after=clear_after, gap=gap),
    _limits(),
    _spans,
    _spans,
    _gaps,
)
one_rule: st.SearchStrategy[Rule] = st.builds(
    lambda condition, lasting, clear_after, gap: rule(condition, lasting=lasting, clear_after=clear_after, gap=gap),
    _limits() | _own_limits | _scores,
    _spans,
    _spans,
    _gaps,
)
any_rules = st.lists(one_rule, min_size=1, max_size=4)

_baselines = st.builds(Baseline, st.floats(50, 110), st.floats(0, 12), st.sampled_from([100, 300]))
subjects: st.SearchStrategy[Subject] = st.builds(
    lambda baseline, scale_2: subject(baselines={"heart_rate": baseline}, spo2_scale_2=scale_2),
    _baselines,
    st.booleans(),
)
