-- Fewer looks, and cheaper marks: docs/rules.md says what may be measured together; docs/benchmarks.md what it costs.

ALTER TABLE rule_subjects
    -- The parameters of NEWS2 that are always measured together, as they were seen to be at the last look.
    ADD together text[] NOT NULL DEFAULT '{}';
ALTER TABLE device_limits
    -- Of what is measured together the points that matter, as {"most": 4, "bands": {"spo2": [[96, null], …]}}: a
    -- reading with more points than that, each value having one for each band that it is outside of.
    ADD score jsonb;
ALTER TABLE elder_habits
    -- By when they are up for the day now and then (Beijing): on one day in ten; NULL: not known.
    ADD rises time;

-- Marks elders, each with the oldest of their readings that may matter, in a gateway's transaction. Whatever goes wrong
-- with it is what it returns, and the readings are stored: one round trip in place of a savepoint's four.
CREATE FUNCTION mark_readings(device_keys integer[], since timestamptz[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rule_checks (elder_id, since)
    SELECT d.elder_id, min(m.since) FROM unnest(device_keys, since) AS m (device_key, since)
    JOIN devices d ON d.key = m.device_key WHERE d.elder_id IS NOT NULL GROUP BY d.elder_id ORDER BY d.elder_id;
    PERFORM pg_notify('anhu_rules', '');
    RETURN NULL;
EXCEPTION WHEN OTHERS OR query_canceled THEN
    RETURN SQLERRM;
END $$;

-- How alerts of the last 90 days were closed, by type: of an elder, of a model of devices, and of all. Made anew each
-- hour by `anhu upkeep`, and shown beside an alert. Nothing follows from it.
CREATE TABLE false_alarms (
    type     text NOT NULL,
    whose    text NOT NULL CHECK (whose IN ('elder', 'model', 'all')),
    name     text NOT NULL,                     -- the elder's id, or the model
    closed   integer NOT NULL,
    mistaken integer NOT NULL CHECK (mistaken BETWEEN 0 AND closed),
    made_at  timestamptz NOT NULL,
    PRIMARY KEY (type, whose, name)
);
