-- Days of hours as finished JSON: turning a year's numbers into text takes longer than finding them.
-- docs/adr/0010-roll-ups.md

CREATE TABLE readings_1h_told (
    device_key integer     NOT NULL,
    day        timestamptz NOT NULL,    -- of UTC
    hours      smallint    NOT NULL CHECK (hours BETWEEN 1 AND 24),
    -- The buckets of these hours in the words of the answer, with commas between them.
    told       text        NOT NULL,
    PRIMARY KEY (device_key, day)
) WITH (toast_tuple_target = 8160);     -- 3 KB, compressed: in the row itself, not in another table
CREATE INDEX readings_1h_told_day ON readings_1h_told (day);

DO $$
BEGIN
    ALTER TABLE readings_1h_told ALTER told SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;                               -- PostgreSQL's own then: some milliseconds more for a year
END $$;

ALTER TABLE readings_rollup
    -- Days with told_from <= day < told_until and before rolled_until are told: whose day is not there has no hours.
    ADD told_from  timestamptz,
    ADD told_until timestamptz,
    -- There are no hours from before this day of UTC: where telling backwards ends.
    ADD hours_from timestamptz;
UPDATE readings_rollup SET told_from = rolled_until, told_until = rolled_until, hours_from = least(
    rolled_until, (SELECT date_bin('1 day', min(bucket), timestamptz '2000-01-01 00:00:00+00') FROM readings_1h));
ALTER TABLE readings_rollup
    ALTER told_from SET NOT NULL, ALTER told_until SET NOT NULL, ALTER hours_from SET NOT NULL;

-- An upkeep from before this schema would make late hours anew and leave their day as it was told: let it fail.
ALTER TABLE readings_late RENAME id TO number;
