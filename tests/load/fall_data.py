"""Public recordings of falls and of daily life, worn on the wrist, read from where an engineer has put them.

UMAFall (Casilari et al. 2017, 20 Hz, ±8 g), WEDA-FALL (Marques and Moreno 2023, 50 Hz, ±4 g) and SmartFallMM (its
wrist sensor, 25 or 50 Hz, ±2 g). Every fall is a young person's, acted, onto a mat; elders did daily life alone.
None of it is in this repository, nor may be: docs/fall-detection.md says where it is and under what licence.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from alerts.domain.impact import STANDARD_GRAVITY

ELDER_FROM = 60
#: Values beyond what the sensor can measure: columns that a spreadsheet has shifted.
MOST_G = 20.0
Sample = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Recording:
    """One trial of one person; samples in g, at the rate that the set states."""

    source: str
    subject: int
    elder: bool
    fall: bool
    activity: str
    rate_hz: float
    samples: tuple[Sample, ...]

    @property
    def training(self) -> bool:
        """Subjects with odd numbers were looked at; those with even ones were measured when all was decided."""
        return self.subject % 2 == 1

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    folder: str
    origin: str
    read: Callable[[Path], Iterator[Recording | None]]
    """A recording, or None for one that cannot be used: it is counted."""


def umafall(folder: Path) -> Iterator[Recording | None]:
    """`UMAFall_Subject_02_Fall_backwardFall_1_….csv`: sensors by number, the wrist's named in the head; in g."""
    for file in sorted(folder.rglob("UMAFall_Subject_*.csv")):
        name = re.match(r"UMAFall_Subject_(\d+)_(ADL|Fall)_(.+?)_\d+_\d{4}-", file.name)
        if name is None:
            yield None
            continue
        wrist, age, broken = "", 0, 0
        samples: list[Sample] = []
        for line in file.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("%"):
                if "WRIST" in line:
                    wrist = line.split(";")[1].strip()
                if line.startswith("% Age"):
                    age = int(re.sub(r"\D", "", line))
                continue
            fields = [field.strip() for field in line.split(";")]
            if len(fields) >= 7 and fields[6] == wrist and fields[5] == "0":
                sample = _sample(fields[2:5])
                if sample is None:
                    broken += 1
                else:
                    samples.append(sample)
        elder, fall = age >= ELDER_FROM, name[2] == "Fall"
        recording = Recording("UMAFall", int(name[1]), elder, fall, name[3], 20, tuple(samples))
        yield recording if not broken and _believable(samples) else None


def weda_fall(folder: Path) -> Iterator[Recording | None]:
    """`dataset/50Hz/F01/U01_R01_accel.csv`, in m/s²; elders have numbers from 21."""
    for file in sorted(folder.glob("dataset/50Hz/*/U*_R*_accel.csv")):
        if "vertical" in file.name:
            continue
        with file.open(newline="") as lines:
            rows = list(csv.reader(lines))[1:]
        samples = [_sample(row[1:4], STANDARD_GRAVITY) for row in rows]
        kept = [sample for sample in samples if sample is not None]
        subject, activity = int(file.name[1:3]), file.parent.name
        usable = len(kept) == len(samples) and _believable(kept)
        recording = Recording("WEDA-FALL", subject, subject > 20, activity.startswith("F"), activity, 50, tuple(kept))
        yield recording if usable else None


def smartfall_mm(folder: Path) -> Iterator[Recording | None]:
    """`young/accelerometer/meta_wrist/S29A10T01.csv`, in g: epoch, time, seconds elapsed, x, y, z. The watches of the
    same set are not read: their clocks jump or stand still in a third of the recordings."""
    for file in sorted(folder.glob("*/accelerometer/meta_wrist/S*.csv")):
        name = re.match(r"S(\d+)A(\d+)T(\d+)", file.name)
        with file.open(newline="", errors="replace") as lines:
            rows = [row for row in csv.reader(lines) if len(row) == 6]
        samples = [_sample(row[3:6]) for row in rows]
        kept = [sample for sample in samples if sample is not None]
        rate = _rate([row[2] for row in rows])
        if name is None or rate is None or len(kept) != len(samples) or not _believable(kept):
            yield None
            continue
        subject, activity, elder = int(name[1]), int(name[2]), "old" in file.parts
        yield Recording("SmartFallMM", subject, elder, activity >= 10, f"A{activity:02d}", rate, tuple(kept))


SOURCES = (
    Source("UMAFall", "UMAFall", "figshare, doi 10.6084/m9.figshare.4214283, unpacked", umafall),
    Source("WEDA-FALL", "WEDA-FALL", "a clone of github.com/joaojtmarques/WEDA-FALL", weda_fall),
    Source("SmartFallMM", "SmartFallMM", "a clone of github.com/txst-cs-smartfall/SmartFallMM-Dataset", smartfall_mm),
)


def _sample(fields: Sequence[str], unit: float = 1.0) -> Sample | None:
    try:
        x, y, z = (float(field) / unit for field in fields)
    except ValueError:
        return None
    return x, y, z


def _believable(samples: Sequence[Sample]) -> bool:
    return len(samples) >= 20 and all(abs(axis) <= MOST_G for sample in samples for axis in sample)


def _rate(elapsed: Sequence[str]) -> float | None:
    """25 or 50 Hz, where the clock ran evenly."""
    try:
        steps = [later - earlier for earlier, later in pairwise(map(float, elapsed))]
    except ValueError:
        return None
    if not steps or min(steps) < 0 or max(steps) > 1 or not (typical := median(steps)):
        return None
    rate = round(1 / typical)
    return rate if rate in (25, 50) else None
