"""Scenario files: what happens to which device when, and what is expected. The format and its errors (pure).

README.md shows the format. Everything that can be known to be wrong before anything is sent is an error here,
with the file, the step, and how to mend it.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from simulators.fleet_file import FleetDevice, UsageError
from simulators.stages import Stage
from simulators.terms import EVENT_TYPES, MEASUREMENTS

BUNDLED = Path(__file__).parent / "scenarios"

_DURATION = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+)ms)?")


def seconds(value: Any) -> float:
    """From 90, "90s", "1m30s", "2h" or "500ms"."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and value and (match := _DURATION.fullmatch(value.replace(" ", ""))):
        sizes = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
        return sum(float(number) * sizes[unit] for unit, number in match.groupdict().items() if number)
    raise ValueError(f"{value!r} is not a length of time; want for instance 12s, 1m30s, 500ms")


def measurements(values: Any) -> Any:
    # Names are checked, values are not: a tester may well want a heart rate of 900.
    if isinstance(values, dict):
        for name in values:
            if name not in MEASUREMENTS:
                raise ValueError(f"{name!r} is no measurement; want one of {', '.join(sorted(MEASUREMENTS))}")
    return values


Seconds: TypeAlias = Annotated[float, BeforeValidator(seconds)]
Values: TypeAlias = Annotated[dict[str, Any], BeforeValidator(measurements), Field(min_length=1)]


class Pick(BaseModel):
    """The index-th device of a kind in the fleet file, so that a scenario fits any fleet."""

    model_config = ConfigDict(extra="forbid")
    kind: str
    index: int = Field(default=0, ge=0)


class Aimed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    device: str | None = None
    pick: Pick | None = None


class Step(Aimed):
    at: Seconds | None = None
    """Simulated seconds from the beginning; None is the time of the step before."""

    @model_validator(mode="after")
    def _has_one_device(self) -> Self:
        if (self.device is None) == (self.pick is None):
            raise ValueError("want either device: ID or pick: {kind: …, index: …}")
        return self


class Tell(Step):
    """Any event of the contract by its type; `press` is a word for `sos`."""

    do: str
    as_: str | None = Field(default=None, alias="as")
    detail: dict[str, Any] | None = None

    @property
    def type(self) -> str:
        return "sos" if self.do == "press" else self.do


class Cancel(Step):
    do: Literal["cancel"]
    cancels: str
    as_: str | None = Field(default=None, alias="as")


class ServiceRequest(Step):
    do: Literal["service_request"]
    service: str
    as_: str | None = Field(default=None, alias="as")


class Offline(Step):
    do: Literal["offline"]
    cut: bool = False
    """Without a goodbye, so that the broker speaks the last will."""


class Online(Step):
    do: Literal["online"]


class TakeReading(Step):
    do: Literal["reading"]
    values: Values = Field(default_factory=dict)


class Hold(Step):
    do: Literal["hold"]
    values: Values
    for_: Seconds = Field(alias="for")


class Raw(Step):
    """Any bytes, once, on any topic of the device."""

    do: Literal["raw"]
    leaf: str = Field(default="up/events", pattern=r"^[^+#]+$")
    text: str | None = None
    hex: str | None = None

    @model_validator(mode="after")
    def _has_one_payload(self) -> Self:
        if (self.text is None) == (self.hex is None):
            raise ValueError("want either text: … or hex: …")
        try:
            bytes.fromhex(self.hex or "")
        except ValueError as error:
            raise ValueError(f"hex: {error}") from None
        return self

    @property
    def payload(self) -> bytes:
        return bytes.fromhex(self.hex) if self.hex is not None else (self.text or "").encode()


class Expected(Aimed):
    event: str
    """The `as` of an earlier step; with `device`, also an event_id as it was sent."""
    stage: Stage
    within: Seconds = 5.0
    """Real seconds from this step: whoever answers is not sped up."""


class Expect(BaseModel):
    model_config = ConfigDict(extra="forbid")
    at: Seconds | None = None
    expect: Expected


Act: TypeAlias = Tell | Cancel | ServiceRequest | Offline | Online | TakeReading | Hold | Raw
AnyStep: TypeAlias = Act | Expect

_ACTS: dict[str, type[Act]] = {
    **dict.fromkeys(("press", *sorted(EVENT_TYPES)), Tell),
    "cancel": Cancel,
    "service_request": ServiceRequest,
    "offline": Offline,
    "online": Online,
    "reading": TakeReading,
    "hold": Hold,
    "raw": Raw,
}


class Scenario(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    seed: int | None = None
    steps: list[Any] = Field(min_length=1)


class Placed(BaseModel):
    """A step with its time in simulated seconds and its device, both settled."""

    at: float
    device_id: str
    step: AnyStep


def find_scenario(wanted: str) -> Path:
    """A file, or the name of one that comes with the simulators. Raises UsageError."""
    path = Path(wanted)
    if path.exists():
        return path
    if (bundled := BUNDLED / f"{wanted}.yaml").exists():
        return bundled
    names = ", ".join(sorted(file.stem for file in BUNDLED.glob("*.yaml")))
    raise UsageError(f"scenario {wanted}: no such file; those that come with the simulators are {names}")


def read_scenario(path: Path, fleet: Sequence[FleetDevice]) -> tuple[Scenario, list[Placed]]:
    """Raises UsageError: file, step, what is wrong, how to mend it."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"scenario {path}: {error}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"scenario {path}: not YAML: {error}") from None
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"scenario {path}: {_first(error)}; want name: … and steps: [...]") from None
    placed: list[Placed] = []
    for number, raw in enumerate(scenario.steps, start=1):
        try:
            placed.append(_place(_parse(raw), placed, fleet))
        except ValueError as error:
            said = raw.get("do", "expect") if isinstance(raw, Mapping) else raw
            raise UsageError(f"scenario {path}, step {number} ({said}): {error}") from None
    return scenario, placed


def _parse(raw: Any) -> AnyStep:
    if not isinstance(raw, Mapping) or ("do" in raw) == ("expect" in raw):
        raise ValueError("a step has either do: … or expect: …")
    kind: type[AnyStep] | None = Expect if "expect" in raw else _ACTS.get(str(raw["do"]))
    if kind is None:
        raise ValueError(f"do: {raw['do']!r} is not known; want one of {', '.join(_ACTS)}")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise ValueError(_first(error)) from None


def _place(step: AnyStep, before: Sequence[Placed], fleet: Sequence[FleetDevice]) -> Placed:
    latest = before[-1].at if before else 0.0
    at = latest if step.at is None else step.at
    if at < latest:
        raise ValueError(f"at: {at:g}s is before the step above it ({latest:g}s); put the steps in order of time")
    named = {alias: placed for placed in before if (alias := getattr(placed.step, "as_", None))}
    if (alias := getattr(step, "as_", None)) in named:
        raise ValueError(f"as: {alias!r} is the name of an earlier step; give each its own")
    aimed = step.expect if isinstance(step, Expect) else step
    device_id = _device(aimed, fleet)
    match step:
        case Cancel():
            fall = named.get(step.cancels)
            if fall is None or getattr(fall.step, "do", None) != "fall":
                raise ValueError(f"cancels: {step.cancels!r} is not the `as` of an earlier `do: fall`")
            if fall.device_id != device_id:
                raise ValueError(f"the fall {step.cancels!r} is of {fall.device_id}; only that device can cancel it")
        case Expect():
            event = named.get(step.expect.event)
            if event is None and device_id is None:
                raise ValueError(
                    f"event: {step.expect.event!r} is not the `as` of an earlier step; mend it, "
                    "or give device: … as well if it is an event_id of a raw step"
                )
            if event is not None and device_id not in (None, event.device_id):
                raise ValueError(f"{step.expect.event!r} is an event of {event.device_id}, not of {device_id}")
            device_id = device_id or (event.device_id if event else None)
    assert device_id is not None
    return Placed(at=at, device_id=device_id, step=step)


def _device(aimed: Aimed, fleet: Sequence[FleetDevice]) -> str | None:
    if aimed.device is not None:
        if all(entry.device_id != aimed.device for entry in fleet):
            raise ValueError(f"device: {aimed.device!r} is not in the fleet file; see also pick: {{kind: …}}")
        return aimed.device
    if aimed.pick is None:
        return None
    same = [entry.device_id for entry in fleet if entry.kind == aimed.pick.kind]
    if aimed.pick.index >= len(same):
        raise ValueError(
            f"pick: the fleet file has {len(same)} of kind {aimed.pick.kind!r}, no index {aimed.pick.index}"
        )
    return same[aimed.pick.index]


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    what = "unknown; remove it or mend its name" if first["type"] == "extra_forbidden" else first["msg"]
    return ": ".join(part for part in (where, what.removeprefix("Value error, ")) if part)
