-- Without TimescaleDB: one partition a day, made ahead by readings_make_partitions(); what is older than the
-- oldest partition goes to the default one.
CREATE TABLE readings_default PARTITION OF readings DEFAULT;

CREATE FUNCTION readings_make_partitions(first_day date, last_day date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    day  date;
    made integer := 0;
BEGIN
    -- One maker at a time; the others find the work done.
    PERFORM pg_advisory_xact_lock(hashtextextended('readings_make_partitions', 0));
    FOR day IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
        CONTINUE WHEN to_regclass('readings_' || to_char(day, 'YYYYMMDD')) IS NOT NULL;
        -- Rows that came while no partition was there stay in the default one: never moved, never lost.
        CONTINUE WHEN EXISTS (SELECT FROM readings_default
                              WHERE ts >= day::timestamp AT TIME ZONE 'UTC'
                                AND ts < (day + 1)::timestamp AT TIME ZONE 'UTC');
        EXECUTE format('CREATE TABLE %I PARTITION OF readings FOR VALUES FROM (%L) TO (%L)',
                       'readings_' || to_char(day, 'YYYYMMDD'),
                       day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
