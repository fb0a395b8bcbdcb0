"""The words of the public contract as a device maker would copy them from it; nothing is imported."""

from datetime import timedelta, timezone

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")  # no daylight saving since 1991: a fixed offset is exact

EMERGENCIES = frozenset({"sos", "fall", "smoke", "gas", "water_leak"})

EVENT_TYPES = EMERGENCIES | {
    "cancel", "service_request", "door_open", "door_closed", "bed_out", "bed_in", "worn_off", "worn_on",
    "low_battery", "tamper", "medication_taken", "test",
}  # fmt: skip

MEASUREMENTS = frozenset(
    {
        "heart_rate", "spo2", "body_temperature", "respiratory_rate", "systolic", "diastolic",
        "steps", "worn", "in_bed", "battery", "rssi", "location",
    }
)  # fmt: skip

READINGS_IN_ONE_UPLOAD = 500
