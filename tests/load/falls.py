"""`make bench BENCH=falls ARGS="--data FOLDER"`: the second opinion on falls, measured on public recordings.

A device is imitated: each hardest moment of at least 1.5 g, 5 s apart from the others, is a window from 4 s before to
6 s after it, as far as the recording goes. A fall counts as found when one of its windows does; a recording of daily
life is right when none does; false alarms are windows. The peers are plain thresholds on |a| over the same windows.
Subjects with odd numbers are the training half, those with even ones are reported; `--half training` shows the others,
and `--table` what their UMAFall gives for alerts.domain.impact.CONFIDENCE.
"""

import argparse
import math
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alerts.domain.impact import Opinion, Unread, second_opinion, window_of
from tests.load.fall_data import SOURCES, Recording, Sample
from tests.load.measuring import machine, percentiles, report

TRIGGER_G, APART_S, BEFORE_S, AFTER_S = 1.5, 5.0, 4.0, 6.0
#: A window counts as a fall from this confidence on. "possible" is the one to look at: sensitivity comes first.
CUTS = {"possible": 0.2, "likely": 0.35, "very_likely": 0.9}
PEERS_G = (2.5, 3.0)


@dataclass(frozen=True, slots=True)
class Judged:
    recording: Recording
    opinions: tuple[Opinion, ...]


def windows_of(recording: Recording) -> Iterable[tuple[Sample, ...]]:
    size = [math.hypot(*sample) for sample in recording.samples]
    rate, taken = recording.rate_hz, list[int]()
    for at in sorted(range(len(size)), key=lambda at: -size[at]):
        if size[at] < TRIGGER_G:
            return
        if all(abs(at - other) >= APART_S * rate for other in taken):
            taken.append(at)
            yield recording.samples[max(0, round(at - BEFORE_S * rate)) : round(at + AFTER_S * rate)]


def judge(recordings: Iterable[Recording], unread: list[str], milliseconds: list[float]) -> list[Judged]:
    judged = []
    for recording in recordings:
        opinions = []
        for samples in windows_of(recording):
            detail = {"acceleration": {"rate_hz": recording.rate_hz, "unit": "g", "samples": samples}}
            begun = time.perf_counter()
            window = window_of(detail)
            if isinstance(window, Unread) or window is None:
                unread.append(window.reason if window else "")
                continue
            opinions.append(second_opinion(window))
            milliseconds.append((time.perf_counter() - begun) * 1000)
        judged.append(Judged(replace(recording, samples=recording.samples[:1]), tuple(opinions)))
    return judged


def figures(judged: Sequence[Judged], hours: float) -> dict[str, Any]:
    """Every judge on one group."""
    judges: dict[str, Callable[[Opinion], bool]] = {
        name: (lambda one, least=least: one.confidence >= least) for name, least in CUTS.items()
    } | {f"peer_{peak:g}_g": (lambda one, peak=peak: one.features.peak_g >= peak) for peak in PEERS_G}
    falls = [one for one in judged if one.recording.fall]
    daily = [one for one in judged if not one.recording.fall]
    told: dict[str, Any] = {
        "subjects": len({(one.recording.source, one.recording.subject) for one in judged}),
        "falls": len(falls),
        "daily": len(daily),
        "daily_hours": round(hours, 2),
    }
    for name, says in judges.items():
        found = sum(any(map(says, one.opinions)) for one in falls)
        right = sum(not any(map(says, one.opinions)) for one in daily)
        false = sum(says(opinion) for one in daily for opinion in one.opinions)
        told[name] = {
            "sensitivity": _share(found, len(falls)),
            "specificity": _share(right, len(daily)),
            "false_alarms_per_day": round(false / hours * 24) if hours else None,
        }
    if falls and daily:
        scores: dict[str, Callable[[Opinion], float]] = {
            "ours": lambda one: one.points,
            "peer_peak": lambda one: one.features.peak_g,
        }
        told["auc"] = {name: _auc(falls, daily, score) for name, score in scores.items()}
        # Set on this very group, for both alike: how they compare, not what either would do elsewhere.
        told["specificity_where_sensitivity_is_0.95"] = {
            name: _specificity_at(0.95, falls, daily, score) for name, score in scores.items()
        }
    return told


def _share(part: int, whole: int) -> dict[str, Any] | None:
    """With Wilson's interval of 95 %."""
    if not whole:
        return None
    z, p = 1.96, part / whole
    middle, spread = p + z * z / (2 * whole), z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    low, high = ((middle + sign * spread) / (1 + z * z / whole) for sign in (-1, 1))
    return {"share": round(p, 3), "from": round(low, 3), "to": round(high, 3)}


def _auc(falls: Sequence[Judged], daily: Sequence[Judged], value: Callable[[Opinion], float]) -> float:
    """How often a fall has more than a recording of daily life."""

    others = sorted(_most(one, value) for one in daily)
    scores = [_most(one, value) for one in falls]
    wins = sum((bisect_left(others, score) + bisect_right(others, score)) / 2 for score in scores)
    return round(wins / len(falls) / len(others), 3)


def _specificity_at(
    sensitivity: float, falls: Sequence[Judged], daily: Sequence[Judged], value: Callable[[Opinion], float]
) -> float:
    cut = sorted((_most(one, value) for one in falls), reverse=True)[math.ceil(sensitivity * len(falls)) - 1]
    return round(sum(_most(one, value) < cut for one in daily) / len(daily), 3)


def _most(one: Judged, value: Callable[[Opinion], float]) -> float:
    return max(map(value, one.opinions), default=0.0)


def table(judged: Sequence[Judged], bins: int = 8) -> list[tuple[float, float]]:
    """From a share of the points on: falls among as many falls as daily-life windows, never going down (pool adjacent
    violators), with one of each added so that no bin says 0 or 1."""
    falls = sorted(max(o.points for o in one.opinions) for one in judged if one.recording.fall and one.opinions)
    daily = sorted(o.points for one in judged if not one.recording.fall for o in one.opinions)
    edges = [step / bins for step in range(bins)]
    pools: list[list[float]] = []  # first edge, falls, daily, edges in it
    for low, high in zip(edges, [*edges[1:], 2.0], strict=True):
        fallen = (sum(low <= one < high for one in falls) + 1) / (len(falls) + bins)
        lived = (sum(low <= one < high for one in daily) + 1) / (len(daily) + bins)
        pools.append([low, fallen, lived])
        while len(pools) > 1 and pools[-2][1] / pools[-2][2] >= pools[-1][1] / pools[-1][2]:
            _, fallen, lived = pools.pop()
            pools[-1][1] += fallen
            pools[-1][2] += lived
    return [(low, round(fallen / (fallen + lived), 3)) for low, fallen, lived in pools]


def slower(recording: Recording) -> Recording:
    """At half its rate, as far as the contract's 20 Hz: what a 25 Hz device would have sent."""
    if recording.rate_hz < 50:
        return recording
    return replace(recording, rate_hz=recording.rate_hz / 2, samples=recording.samples[::2])


def clipped(recording: Recording) -> Recording:
    """As a ±2 g sensor would have felt it."""
    cut = tuple(tuple(max(-2.0, min(2.0, axis)) for axis in sample) for sample in recording.samples)
    return replace(recording, samples=cut)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(prog='make bench BENCH=falls ARGS="…"', description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder with " + ", ".join(one.folder for one in SOURCES))
    parser.add_argument("--half", choices=["held-out", "training"], default="held-out")
    parser.add_argument("--table", action="store_true", help="print the confidence table of UMAFall's training half")
    given = parser.parse_args()
    present = [one for one in SOURCES if given.data is not None and (given.data / one.folder).is_dir()]
    if not present:
        lines = [f"  FOLDER/{one.folder}: {one.origin}" for one in SOURCES]
        print(
            "The recordings are not part of this repository. Put one or more of these into a folder and name it with"
            ' --data FOLDER (make bench BENCH=falls ARGS="--data FOLDER"):\n' + "\n".join(lines),
            file=sys.stderr,
        )
        raise SystemExit(2)

    unread, milliseconds, left_out = list[str](), list[float](), dict[str, int]()
    recordings: list[Recording] = []
    for source in present:
        read = list(source.read(given.data / source.folder))
        left_out[source.name] = read.count(None)
        recordings += [one for one in read if one is not None]
    half = [one for one in recordings if one.training is (given.half == "training" or given.table)]
    hours = {id(one): one.seconds / 3600 for one in half if not one.fall}
    if given.table:
        print(table(judge([one for one in half if one.source == "UMAFall"], unread, milliseconds)))
        return

    def of(chosen: Callable[[Recording], bool], changed: Callable[[Recording], Recording] | None = None) -> Any:
        group = [one for one in half if chosen(one)]
        judged = judge(map(changed, group) if changed else group, unread, milliseconds)
        return figures(judged, sum(hours.get(id(one), 0.0) for one in group))

    by_source = {source.name: of(lambda one, name=source.name: one.source == name) for source in present}
    elders = {source.name: of(lambda one, name=source.name: one.source == name and one.elder) for source in present}
    report(
        {
            "bench": "falls",
            "half": given.half,
            "by_source": by_source,
            "elders_daily_life": {name: one for name, one in elders.items() if one["daily"]}
            | {"all": of(lambda one: one.elder)},
            "all": of(lambda one: True),
            "all_at_half_the_rate": of(lambda one: True, slower),
            "all_clipped_at_2_g": of(lambda one: True, clipped),
            "windows": len(milliseconds),
            "windows_unread": len(unread),
            "recordings_left_out": left_out,
            "opinion_ms": percentiles(milliseconds),
            "machine": machine(),
        }
    )


if __name__ == "__main__":
    main()
