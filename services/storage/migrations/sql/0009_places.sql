-- Where elders are to stay, how long they are usually still, and when to look at them though nothing comes.

-- Fences of an elder: where one lives is sensitive, so a fence belongs to the person and goes with them.
CREATE TABLE elder_fences (
    id       uuid PRIMARY KEY,
    elder_id uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    version  integer NOT NULL,                  -- the newest
    ended_at timestamptz                        -- taken away: its versions stay
);
CREATE INDEX elder_fences_elder ON elder_fences (elder_id) WHERE ended_at IS NULL;

-- Never edited: who drew what, changed it or took it away, when and why. They go only with the elder.
CREATE TABLE elder_fence_versions (
    fence_id        uuid NOT NULL REFERENCES elder_fences ON DELETE CASCADE,
    version         integer NOT NULL CHECK (version > 0),
    definition      jsonb,                      -- as alerts.domain.rules.fence_definition reads it; NULL: taken away
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by      uuid NOT NULL REFERENCES accounts,
    changed_by_name text NOT NULL,              -- as it was then
    origin          text,                       -- network address of the request
    reason          text NOT NULL,
    PRIMARY KEY (fence_id, version)
);
CREATE FUNCTION elder_fence_versions_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a fence is never changed: add a new one' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER elder_fence_versions_stay BEFORE UPDATE ON elder_fence_versions
    FOR EACH ROW EXECUTE FUNCTION elder_fence_versions_stay();

-- Made anew each day from four weeks.
CREATE TABLE elder_habits (
    elder_id uuid PRIMARY KEY REFERENCES elders ON DELETE CASCADE,
    pauses   double precision[] CHECK (cardinality(pauses) = 24),   -- minutes, by the hour of the day in Beijing; NULL: no data
    days     integer NOT NULL,
    made_at  timestamptz NOT NULL
);
CREATE INDEX elder_habits_made ON elder_habits (made_at);

-- When a rule on stillness or beds could speak next, whatever is said from `looked_at` on: until then a look leaves those
-- rules out. A row goes when it has marked its elder.
CREATE TABLE elder_looks (
    elder_id  uuid PRIMARY KEY REFERENCES elders ON DELETE CASCADE,
    due_at    timestamptz NOT NULL,
    looked_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX elder_looks_due ON elder_looks (due_at);

-- Other rules may speak earlier. Not all at once: each look reads a day of somebody.
CREATE FUNCTION elder_looks_sooner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'elders' THEN
        UPDATE elder_looks SET due_at = least(due_at, clock_timestamp()) WHERE elder_id = NEW.id;
    ELSE
        UPDATE elder_looks SET due_at = least(due_at, clock_timestamp() + random() * interval '10 minutes');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER rule_versions_look_sooner AFTER INSERT ON rule_versions
    FOR EACH STATEMENT EXECUTE FUNCTION elder_looks_sooner();
CREATE TRIGGER elders_look_sooner AFTER UPDATE OF organization_id, ability_level, care_categories ON elders
    FOR EACH ROW EXECUTE FUNCTION elder_looks_sooner();

-- Signs of life of an elder, as alerts.living_samples asks for them. Emergencies are not among them, and pay nothing.
CREATE INDEX events_of_life ON events (elder_id, occurred_at)
    WHERE type IN ('door_open', 'door_closed', 'bed_out', 'bed_in', 'worn_on', 'worn_off', 'medication_taken', 'test',
                   'service_request');
