"""The fields of a reading, and their buckets as the contract's JSON has them."""

from typing import Final

FIELDS: Final = (
    *("heart_rate", "spo2", "body_temperature", "respiratory_rate", "systolic", "diastolic", "steps"),
    *("worn", "in_bed", "battery", "rssi"),
)
TRUTHS: Final = ("worn", "in_bed")


def bucket_as_json() -> str:
    """SQL that makes JSON of a row of a roll-up; what was not measured is left out.

    `readings_1h_told` keeps what this makes of hours: whoever changes it empties that table in a migration.
    """
    # concat writes each number into one buffer; a chain of || would make a text of each step, and take twice as long.
    parts = [
        f"""CASE WHEN {field}_sum IS NOT NULL THEN concat(',"{field}":{{"min":', {field}_min, ',"avg":',"""
        f""" round({field}_sum / {field}_count * 1000) / 1000, ',"max":', {field}_max,"""
        f""" ',"count":', {field}_count, '}}') END"""
        for field in FIELDS
    ]
    return f"""concat('{{"ts":', to_json(bucket), {", ".join(parts)}, '}}')"""
