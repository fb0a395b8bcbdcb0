"""Roll-ups of readings by minute, hour and day; retention.

Revision: 0003
"""

import logging

import psycopg
from alembic import op
from sqlalchemy import text

from services.storage.scripts import SQL, run, timescale_licence

log = logging.getLogger(__name__)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: field: (how it is read as a number, the type of its least and most)
FIELDS = {
    "heart_rate": ("heart_rate", "real"),
    "spo2": ("spo2", "real"),
    "body_temperature": ("body_temperature", "real"),
    "respiratory_rate": ("respiratory_rate", "real"),
    "systolic": ("systolic", "real"),
    "diastolic": ("diastolic", "real"),
    "steps": ("steps", "integer"),
    "worn": ("worn::int", "integer"),
    "in_bed": ("in_bed::int", "integer"),
    "battery": ("battery", "real"),
    "rssi": ("rssi", "real"),
}
#: roll-up: (from what, its bucket, how many days of it one chunk has)
AGGREGATES = {
    "readings_1m": ("readings", "time_bucket('1 minute', ts)", 10),
    "readings_1h": ("readings_1m", "time_bucket('1 hour', bucket)", 30),
    # A day is a day of Beijing.
    "readings_1d": ("readings_1h", "time_bucket('1 day', bucket, 'Asia/Shanghai')", 365),
}


def upgrade() -> None:
    run((SQL / "0003_rollups.sql").read_text("utf-8"))
    kept_as = "aggregates" if _make_aggregates() else "tables"
    if kept_as == "tables":
        _make_tables()
    op.get_bind().execute(
        text(
            "INSERT INTO readings_rollup (kept_as, closed_until, rolled_until)"
            " SELECT :kept_as, today, today FROM date_bin('1 day', now(), timestamptz '2000-01-01 00:00:00+00') today"
        ),
        {"kept_as": kept_as},
    )
    # What is there already is rolled up like what comes late.
    run("""
        INSERT INTO readings_late (device_key, hour)
        SELECT DISTINCT device_key, date_bin('1 hour', ts, timestamptz '2000-01-01 00:00:00+00')
        FROM readings WHERE ts < (SELECT closed_until FROM readings_rollup)
    """)


def _make_aggregates() -> bool:
    """Continuous aggregates, and compression of them and of readings, where the server has both."""
    licence = timescale_licence()
    if licence is None or not _is_hypertable():
        return False
    if licence != "timescale":
        log.warning("TimescaleDB's licence here is %r: no compression, and roll-ups as plain tables", licence)
        return False
    try:
        with op.get_bind().begin_nested():
            run(_aggregates())
    except psycopg.Error as error:
        log.warning("TimescaleDB is there and does not let itself be used: roll-ups as plain tables: %s", error)
        return False
    return True


def _is_hypertable() -> bool:
    query = "SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_name = 'readings'"
    return op.get_bind().execute(text(query)).first() is not None


def _aggregates() -> str:
    statements = [_compression("TABLE", "readings", "ts, seq", "7 days")]
    for name, (source, bucket, days) in AGGREGATES.items():
        if source == "readings":
            columns = [
                f"min({value}) AS {field}_min, max({value}) AS {field}_max,"
                f" sum(({value})::float8) AS {field}_sum, count({field}) AS {field}_count"
                for field, (value, _) in FIELDS.items()
            ]
        else:
            columns = [
                f"min({field}_min) AS {field}_min, max({field}_max) AS {field}_max,"
                f" sum({field}_sum) AS {field}_sum, sum({field}_count)::bigint AS {field}_count"
                for field in FIELDS
            ]
        statements.append(
            f"CREATE MATERIALIZED VIEW {name} WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS"
            f" SELECT device_key, {bucket} AS bucket, {', '.join(columns)} FROM {source} GROUP BY 1, 2 WITH NO DATA"
        )
        statements.append(
            "SELECT set_chunk_time_interval(format('%I.%I', materialization_hypertable_schema,"
            f" materialization_hypertable_name)::regclass, interval '{days} days')"
            f" FROM timescaledb_information.continuous_aggregates WHERE view_name = '{name}'"
        )
        statements.append(_compression("MATERIALIZED VIEW", name, "bucket", f"{2 * days} days"))
    return ";\n".join(statements)


def _compression(what: str, name: str, order: str, after: str) -> str:
    return (
        f"ALTER {what} {name} SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_key',"
        f" timescaledb.compress_orderby = '{order}');\n"
        f"SELECT add_compression_policy('{name}', compress_after => interval '{after}')"
    )


def _make_tables() -> None:
    # Wide columns first, so that nothing is lost to alignment. A field that nobody measured is null in all four.
    columns = [
        "bucket timestamptz NOT NULL",
        *(f"{field}_sum float8" for field in FIELDS),
        "device_key integer NOT NULL",
        *(f"{field}_min {kind}, {field}_max {kind}, {field}_count integer" for field, (_, kind) in FIELDS.items()),
        "PRIMARY KEY (device_key, bucket)",
    ]
    for name in AGGREGATES:
        # A partition a month, made when it is needed; a day's table is small and stays one.
        partitions = "" if name == "readings_1d" else " PARTITION BY RANGE (bucket)"
        run(f"CREATE TABLE {name} ({', '.join(columns)}){partitions}")


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup instead")
