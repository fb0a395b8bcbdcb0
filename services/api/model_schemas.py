"""The shapes of models of devices, as OpenAPI shows them."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, field_validator

from gateway.decoders.model import EVENT_TYPES, MEASURED
from gateway.decoders.registry import FAMILIES
from services.registry.enrolment import KIND

Words = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True, pattern=r"^[^\x00]*$")]


SettingName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Value = Annotated[str, StringConstraints(strict=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Whole = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class WantedModel(BaseModel):
    """What a model measures and says, how often, which decoder reads it, and what `configure` sets it to."""

    maker: Words | None = None
    kind: str = Field(pattern=f"^{KIND.pattern}$", description="what its devices are enrolled as")
    decoder: str | None = Field(default=None, description="a family of docs/devices.md; null: nobody said")
    measures: list[str] = Field(default=[], max_length=20, description="fields of readings")
    says: list[str] = Field(default=[], max_length=20, description="types of events")
    every_seconds: int | None = Field(
        default=None, ge=30, le=86_400, description="between two reports, until a device has shown its own habit"
    )
    settings: dict[SettingName, bool | Whole | Real | Value] = Field(default={}, max_length=20)
    note: Words | None = None

    @field_validator("decoder")
    @classmethod
    def _is_a_family(cls, name: str | None) -> str | None:
        if name is not None and name not in FAMILIES:
            raise ValueError(f"没有解码器 {name[:40]!r}，可填：{'、'.join(FAMILIES)}")
        return name

    @field_validator("measures")
    @classmethod
    def _are_measured(cls, names: list[str]) -> list[str]:
        return _known(names, MEASURED, "测量项")

    @field_validator("says")
    @classmethod
    def _are_events(cls, names: list[str]) -> list[str]:
        return _known(names, sorted(EVENT_TYPES), "事件")


class DeviceModel(BaseModel):
    model: str
    maker: str | None
    kind: str
    decoder: str | None
    measures: list[str]
    says: list[str]
    every_seconds: int | None
    settings: dict[str, Any]
    note: str | None
    devices: int = Field(description="of it, within the caller's reach")


class ModelList(BaseModel):
    items: list[DeviceModel]


def _known(names: list[str], allowed: Any, what: str) -> list[str]:
    if strange := [name for name in names if name not in allowed]:
        raise ValueError(f"没有{what} {strange[0][:40]!r}，可填：{'、'.join(allowed)}")
    return list(dict.fromkeys(names))
