"""HL7 FHIR R4: elders as Patient, devices as Device, readings as Observation (LOINC, UCUM), and back. Pure.

Codes are LOINC's (loinc.org), used by its licence; profiles are R4's vital signs. What R4 asks for and we do not know
is left out, never guessed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid5

FHIR_TYPE: Final = "application/fhir+json"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
#: 居民身份证号, as health records of China name it. It comes in, and never goes out.
IDENTITY: Final = "urn:oid:2.16.156.10011.1.3"
DEVICE_ID: Final = "urn:anhu:device"
ELDER_ID: Final = "urn:anhu:elder"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_VITAL_SIGNS: Final = "http://hl7.org/fhir/StructureDefinition/vitalsigns"
_OURS: Final = UUID("6f1d1a0e-5f0e-4b52-9a4e-0d0a1f6e9b11")


@dataclass(frozen=True, slots=True)
class Measure:
    field: str
    codes: tuple[tuple[str, str], ...]
    unit: str
    code: str
    category: str = "vital-signs"


MEASURES: Final = (
    Measure("heart_rate", (("8867-4", "Heart rate"),), "beats/minute", "/min"),
    Measure("respiratory_rate", (("9279-1", "Respiratory rate"),), "breaths/minute", "/min"),
    Measure(
        "spo2",
        (
            ("2708-6", "Oxygen saturation in Arterial blood"),
            ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
        ),
        "%",
        "%",
    ),
    Measure("body_temperature", (("8310-5", "Body temperature"),), "C", "Cel"),
    Measure("steps", (("55423-8", "Number of steps in unspecified time Pedometer"),), "steps", "{steps}", "activity"),
)
PRESSURE: Final = ("85354-9", "Blood pressure panel with all children optional")
PRESSURES: Final = (
    ("systolic", "8480-6", "Systolic blood pressure"),
    ("diastolic", "8462-4", "Diastolic blood pressure"),
)
CODES: Final = {code: one.field for one in MEASURES for code, _ in one.codes} | {
    code: field for field, code, _ in PRESSURES
}
_UNITS: Final = {one.field: one.code for one in MEASURES} | {field: "mm[Hg]" for field, _, _ in PRESSURES}
#: Statuses of which the value is one.
_FINAL: Final = frozenset({"final", "amended", "corrected", "preliminary"})


class NotUnderstoodError(ValueError):
    """Says what, and how to mend it, in English; the sentence for people is in `message`."""

    def __init__(self, text: str, message: str) -> None:
        super().__init__(text)
        self.message = message


def patient_of(elder: Mapping[str, Any]) -> dict[str, Any]:
    """Of an elder's columns, with `contacts`. Nothing of health, no identity number, no position."""
    told: dict[str, Any] = {
        "resourceType": "Patient",
        "id": str(elder["id"]),
        "identifier": [{"system": ELDER_ID, "value": str(elder["id"])}],
        "active": True,
        "name": [{"use": "official", "text": elder["name"]}],
        "managingOrganization": {"reference": f"Organization/{elder['organization_id']}"},
    }
    if elder["phone"]:
        told["telecom"] = [{"system": "phone", "value": elder["phone"]}]
    if elder["gender"]:
        told["gender"] = elder["gender"]
    if elder["birth_date"]:
        told["birthDate"] = elder["birth_date"].isoformat()
    if elder["address"]:
        told["address"] = [{"use": "home", "text": elder["address"], "country": "CN"}]
    if contacts := elder.get("contacts"):
        told["contact"] = [
            {
                "name": {"text": one["name"]},
                "telecom": [{"system": "phone", "value": one["phone"]}],
                **({"relationship": [{"text": one["relation"]}]} if one["relation"] else {}),
            }
            for one in contacts
        ]
    return told


def device_of(device: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "resourceType": "Device",
        "id": device_reference(device["device_id"]),
        "identifier": [{"system": DEVICE_ID, "value": device["device_id"]}],
        "status": "inactive" if device["revoked_at"] else "active",
        "type": {"text": device["kind"]},
        "owner": {"reference": f"Organization/{device['organization_id']}"},
    }
    if device["model"]:
        told["modelNumber"] = device["model"]
    if device["elder_id"]:
        told["patient"] = {"reference": f"Patient/{device['elder_id']}"}
    return told


def device_reference(device_id: str) -> str:
    """A FHIR id has no underscore, which a device's name may have."""
    return str(uuid5(_OURS, f"device {device_id}")) if "_" in device_id else device_id


def observations_of(reading: Mapping[str, Any], device_id: str, elder_id: UUID) -> Iterator[dict[str, Any]]:
    """A reading's measurements; systolic and diastolic are one."""
    for one in MEASURES:
        if reading[one.field] is not None:
            base = _base(reading, device_id, elder_id, one.field, one.codes, one.category)
            yield base | {"valueQuantity": _quantity(reading[one.field], one.unit, one.code)}
    if any(reading[field] is not None for field, _, _ in PRESSURES):
        base = _base(reading, device_id, elder_id, "blood_pressure", (PRESSURE,), "vital-signs")
        absent = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]}
        yield base | {
            "component": [
                {
                    "code": {"coding": [{"system": LOINC, "code": code, "display": display}]},
                    **(
                        {"valueQuantity": _quantity(reading[field], "mmHg", "mm[Hg]")}
                        if reading[field] is not None
                        else {"dataAbsentReason": absent}
                    ),
                }
                for field, code, display in PRESSURES
            ]
        }


def _base(
    reading: Mapping[str, Any],
    device_id: str,
    elder_id: UUID,
    what: str,
    codes: Sequence[tuple[str, str]],
    category: str,
) -> dict[str, Any]:
    name = f"{device_id} {reading['ts'].isoformat()} {reading['seq']} {what}"
    return {
        "resourceType": "Observation",
        "id": str(uuid5(_OURS, name)),
        **({"meta": {"profile": [_VITAL_SIGNS]}} if category == "vital-signs" else {}),
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": category}]}],
        "code": {"coding": [{"system": LOINC, "code": code, "display": display} for code, display in codes]},
        "subject": {"reference": f"Patient/{elder_id}"},
        "effectiveDateTime": reading["ts"].isoformat(timespec="milliseconds"),
        "issued": reading["received_at"].isoformat(timespec="milliseconds"),
        "device": {"reference": f"Device/{device_reference(device_id)}"},
    }


def _quantity(value: float, unit: str, code: str) -> dict[str, Any]:
    whole = round(float(value), 2)
    return {"value": int(whole) if whole == int(whole) else whole, "unit": unit, "system": UCUM, "code": code}


def bundle(resources: Sequence[Mapping[str, Any]], address: str, following: str | None, own: str) -> dict[str, Any]:
    """A page of a search: `own` is its own link, `following` the next one's."""
    links = [{"relation": "self", "url": own}] + ([{"relation": "next", "url": following}] if following else [])
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links,
        "entry": [
            {
                "fullUrl": f"{address}/{one['resourceType']}/{one['id']}",
                "resource": one,
                "search": {"mode": "match"},
            }
            for one in resources
        ],
    }


# In ---------------------------------------------------------------------------------------------------


def reading_of(observation: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The device's id and a native reading. Raises NotUnderstoodError: what is not final, not measured, or in another
    unit is refused and never converted by guess."""
    _is(observation, "Observation")
    if observation.get("status") not in _FINAL:
        raise NotUnderstoodError("status must be final, amended, corrected or preliminary", "观测值不是最终结果")
    device = reference(observation.get("device"), "Device")
    if device is None:
        raise NotUnderstoodError("device must be a reference like Device/wb-0001", "缺少设备")
    at = observation.get("effectiveDateTime") or observation.get("effectiveInstant")
    if not isinstance(at, str) or "T" not in at:
        raise NotUnderstoodError("effectiveDateTime must be an instant with an offset", "缺少带时区的观测时间")
    found: dict[str, Any] = {}
    for part in (observation, *_dicts(observation.get("component"))):
        field = next((CODES[code] for code in _loinc(part.get("code")) if code in CODES), None)
        quantity = part.get("valueQuantity")
        if field is None or not isinstance(quantity, Mapping):
            continue
        if quantity.get("code", quantity.get("unit")) != _UNITS[field]:
            raise NotUnderstoodError(f"{field} must be in {_UNITS[field]} (UCUM)", "单位不对")
        value = quantity.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotUnderstoodError(f"{field} must be a number", "数值不对")
        found[field] = value
    if not found:
        raise NotUnderstoodError(f"no value with one of the LOINC codes {', '.join(CODES)}", "没有可以识别的观测值")
    return device, {"ts": at, **found}


def elder_of(patient: Mapping[str, Any]) -> dict[str, Any]:
    """What `save_elder` is told. Raises NotUnderstoodError."""
    _is(patient, "Patient")
    home = reference(patient.get("managingOrganization"), "Organization")
    if home is None:
        raise NotUnderstoodError("managingOrganization must be a reference like Organization/{id}", "缺少所属机构")
    said: dict[str, Any] = {"organization_id": _uuid(home), "name": _name(patient)}
    born = patient.get("birthDate")
    if isinstance(born, str):
        try:
            said["birth_date"] = date.fromisoformat(born)
        except ValueError:
            raise NotUnderstoodError("birthDate must be a whole date", "出生日期不完整") from None
    if patient.get("gender") in ("male", "female"):
        said["gender"] = patient["gender"]
    for one in _dicts(patient.get("identifier")):
        if one.get("system") == IDENTITY and isinstance(one.get("value"), str):
            said["identity"] = one["value"]
    for one in _dicts(patient.get("telecom")):
        if one.get("system") == "phone" and isinstance(one.get("value"), str):
            said.setdefault("phone", one["value"])
    for one in _dicts(patient.get("address")):
        if isinstance(one.get("text"), str):
            said.setdefault("address", one["text"])
    return said


@dataclass(frozen=True, slots=True)
class NewDevice:
    device_id: str
    kind: str
    model: str | None
    organization: str | None
    elder_id: UUID | None


def new_device_of(device: Mapping[str, Any]) -> NewDevice:
    """Raises NotUnderstoodError."""
    _is(device, "Device")
    names = [one.get("value") for one in _dicts(device.get("identifier")) if one.get("system") == DEVICE_ID]
    if len(names) != 1 or not isinstance(names[0], str):
        raise NotUnderstoodError(f"one identifier of the system {DEVICE_ID} is needed", "缺少设备编号")
    type_ = device.get("type")
    kind = type_.get("text") if isinstance(type_, Mapping) else None
    if not isinstance(kind, str) or not kind:
        raise NotUnderstoodError("type.text must be a kind of ours, as wristband", "缺少设备类型")
    patient = reference(device.get("patient"), "Patient")
    model = device.get("modelNumber")
    return NewDevice(
        names[0],
        kind,
        model if isinstance(model, str) else None,
        reference(device.get("owner"), "Organization"),
        _uuid(patient) if patient else None,
    )


def reference(value: Any, kind: str) -> str | None:
    """What stands behind `Kind/`, of a relative or an absolute reference."""
    text = value.get("reference") if isinstance(value, Mapping) else None
    if not isinstance(text, str):
        return None
    parts = text.split("/")
    return parts[-1] if len(parts) >= 2 and parts[-2] == kind and parts[-1] else None


def instant(text: str) -> datetime:
    """Of a search by date. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an offset is needed")
    return at


def _is(resource: Mapping[str, Any], kind: str) -> None:
    if resource.get("resourceType") != kind:
        raise NotUnderstoodError(f"resourceType must be {kind}", f"不是 {kind}")


def _name(patient: Mapping[str, Any]) -> str:
    for one in _dicts(patient.get("name")):
        text = one.get("text") or f"{one.get('family') or ''}{''.join(map(str, one.get('given') or ()))}"
        if isinstance(text, str) and text:
            return text
    raise NotUnderstoodError("name needs a text, or family and given", "缺少姓名")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotUnderstoodError(f"{text!r} is no id of ours", "编号不对") from None


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _loinc(code: Any) -> list[str]:
    codings = _dicts(code.get("coding")) if isinstance(code, Mapping) else []
    return [str(one.get("code")) for one in codings if one.get("system") == LOINC]
