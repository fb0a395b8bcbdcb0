-- Rules on readings: data in versions, what they found, and who is to be looked at.
-- docs/adr/0013-rules-on-readings.md says why it is done so.

-- The rules ------------------------------------------------------------------------------------------

CREATE TABLE rules (
    id              uuid PRIMARY KEY,
    -- What it watches. Of several rules with one key that hold for an elder the most particular one counts.
    key             text NOT NULL CHECK (key ~ '^[a-z][a-z0-9_]{0,47}$'),
    version         integer NOT NULL,           -- the newest
    -- For whom the newest version may hold, copied out of its scope: who may see and change it follows from that.
    -- Both NULL: everyone. No foreign key on the elder: the rule outlives the person, and then holds for nobody.
    organization_id uuid REFERENCES organizations,
    elder_id        uuid
);
CREATE INDEX rules_key ON rules (key);

-- Never edited: an alert says by which version it was raised, and that must stay true.
CREATE TABLE rule_versions (
    rule_id         uuid NOT NULL REFERENCES rules,
    version         integer NOT NULL CHECK (version > 0),
    definition      jsonb NOT NULL,             -- as alerts.domain.rules.definition reads it
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by      uuid REFERENCES accounts,   -- NULL: built in
    changed_by_name text NOT NULL,              -- as it was then
    reason          text NOT NULL,
    PRIMARY KEY (rule_id, version)
);
CREATE FUNCTION rule_versions_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a rule is never changed nor deleted: add a new one'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER rule_versions_stay BEFORE UPDATE OR DELETE ON rule_versions
    FOR EACH ROW EXECUTE FUNCTION rule_versions_stay();

-- Goes up with every change of a rule, in the change's own commit: whoever keeps rules in memory compares it.
CREATE TABLE rules_generation (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    generation bigint NOT NULL DEFAULT 1
);
INSERT INTO rules_generation DEFAULT VALUES;

-- What is known of a person's usual values: median and spread of hourly averages of two weeks.
CREATE TABLE elder_baselines (
    elder_id uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    field    text NOT NULL,
    median   double precision NOT NULL,
    spread   double precision NOT NULL CHECK (spread >= 0),
    hours    integer NOT NULL,
    made_at  timestamptz NOT NULL,
    PRIMARY KEY (elder_id, field)
);

ALTER TABLE elders
    -- NEWS2's second SpO2 scale: only by a doctor's decision (hypercapnic respiratory failure).
    ADD spo2_scale_2 boolean NOT NULL DEFAULT false;
ALTER TABLE devices
    -- What it measured before is another person's. Set when it changes hands; a new device has had no other hands.
    ADD elder_since timestamptz NOT NULL DEFAULT '2000-01-01 00:00:00+00';
CREATE FUNCTION devices_change_elder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.elder_since := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER devices_change_elder BEFORE UPDATE OF elder_id ON devices
    FOR EACH ROW WHEN (OLD.elder_id IS DISTINCT FROM NEW.elder_id) EXECUTE FUNCTION devices_change_elder();

-- What they found -------------------------------------------------------------------------------------

-- One row for each stretch in which a rule held for a person; in shadow mode it is all that a rule does.
CREATE TABLE rule_episodes (
    id         uuid PRIMARY KEY,
    rule_id    uuid NOT NULL,
    version    integer NOT NULL,                -- the one it began by; it also ends by that one
    key        text NOT NULL,
    mode       text NOT NULL CHECK (mode IN ('live', 'shadow')),
    severity   text NOT NULL CHECK (severity IN ('red', 'orange', 'yellow', 'blue')),
    elder_id   uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    device_id  text NOT NULL,                   -- whose sample completed it
    began_at   timestamptz NOT NULL,            -- its first abnormal sample
    raised_at  timestamptz NOT NULL,            -- the sample with which it had lasted long enough
    cleared_at timestamptz,                     -- NULL: it is on
    -- 'clear': values were clear for long enough. 'answered': its alert was closed half an hour ago, and what lasts
    -- since counts anew. 'refuted': late samples show that it had not lasted.
    ended      text CHECK (ended IN ('clear', 'answered', 'refuted')),
    noted_at   timestamptz NOT NULL,
    evidence   jsonb NOT NULL,
    sentence   text NOT NULL,
    alert_id   uuid REFERENCES alerts,
    -- Why a live one has no alert: a worse one of the same measurement was on ('covered', `held_by` says which), or it
    -- was long over when its readings came ('past').
    held       text CHECK (held IN ('covered', 'past')),
    held_by    uuid REFERENCES rule_episodes ON DELETE SET NULL,
    FOREIGN KEY (rule_id, version) REFERENCES rule_versions,
    CHECK ((cleared_at IS NULL) = (ended IS NULL)),
    -- Whoever looks again, and whoever looks at the same time, cannot begin it twice.
    UNIQUE (elder_id, rule_id, mode, began_at)
);
-- Of each key a person has one live rule, and one that is tried beside it.
CREATE UNIQUE INDEX rule_episodes_on ON rule_episodes (elder_id, key, mode) WHERE cleared_at IS NULL;
CREATE INDEX rule_episodes_rule ON rule_episodes (rule_id, raised_at DESC, id DESC);
CREATE INDEX rule_episodes_elder ON rule_episodes (elder_id, raised_at);
CREATE INDEX rule_episodes_cleared ON rule_episodes (cleared_at);
CREATE INDEX rule_episodes_alert ON rule_episodes (alert_id) WHERE alert_id IS NOT NULL;

ALTER TABLE alerts
    -- By which version of which rule it was raised, and the very values that did: health data.
    ADD rule_id      uuid,
    ADD rule_version integer,
    ADD sentence     text,
    ADD evidence     jsonb,
    ADD FOREIGN KEY (rule_id, rule_version) REFERENCES rule_versions,
    ADD CHECK ((rule_id IS NULL) = (rule_version IS NULL) AND (rule_id IS NULL) = (sentence IS NULL)
               AND (rule_id IS NULL) = (evidence IS NULL));
-- An alert of a rule has no event: by these it is found for its device and by its event_id.
CREATE INDEX alerts_rule_device ON alerts (device_id) WHERE rule_id IS NOT NULL;
CREATE INDEX alerts_rule_event ON alerts (event_id) WHERE rule_id IS NOT NULL;

-- Who is to be looked at ------------------------------------------------------------------------------

-- Marks: elders whose readings may matter to a rule. Written by a gateway in the commit of the readings. Only ever
-- added to: an upsert would make the gateway wait for whoever evaluates that elder, and a row that it found there
-- might be taken away before its readings are seen. The first row of an elder is the claim; all of them go with it.
-- No foreign key: nothing about rules may keep readings from being stored.
CREATE TABLE rule_checks (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id   uuid NOT NULL,
    since      timestamptz NOT NULL,            -- the oldest reading that has not been looked at
    marked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    swept      boolean NOT NULL DEFAULT false,  -- nobody marked them: goes after all that are marked
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    attempts   integer NOT NULL DEFAULT 0,
    last_error text
);
CREATE INDEX rule_checks_order ON rule_checks (swept, number);
CREATE INDEX rule_checks_elder ON rule_checks (elder_id, swept, number);

-- When each elder was last looked at, and what was seen then: whoever was not looked at for long, though there are
-- readings, is looked at unmarked.
CREATE TABLE rule_subjects (
    elder_id     uuid PRIMARY KEY REFERENCES elders ON DELETE CASCADE,
    checked_at   timestamptz,
    -- The most NEWS2 points that each parameter had lately, as {"spo2": 1}: what is not more than that needs no look.
    points       jsonb NOT NULL DEFAULT '{}',
    baselined_at timestamptz
) WITH (fillfactor = 70);

-- What gateways mark by: the band of each measurement outside which a sample of this device's elder may matter to a
-- rule, given what is known of them, as {"heart_rate": [50, 120], "spo2": [92, null]}. Compiled by `alerts`, read by gateways, which hold all of it
-- in memory and ask for what has changed since the oldest transaction that was open when they last asked.
CREATE TABLE device_limits (
    device_key integer PRIMARY KEY REFERENCES devices (key) ON DELETE CASCADE,
    limits     jsonb NOT NULL,
    watched    boolean NOT NULL,                -- every reading matters
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
) WITH (fillfactor = 70);
CREATE INDEX device_limits_changed ON device_limits (changed_in);

-- Elders whose limits are to be compiled anew; NULL is everybody. Only ever added to by those who change something.
CREATE TABLE limits_stale (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id uuid
);

CREATE FUNCTION tell_limits_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'devices' THEN
        IF TG_OP = 'UPDATE' THEN
            INSERT INTO limits_stale (elder_id) SELECT OLD.elder_id WHERE OLD.elder_id IS NOT NULL;
        END IF;
        INSERT INTO limits_stale (elder_id) SELECT NEW.elder_id WHERE NEW.elder_id IS NOT NULL;
    ELSIF TG_TABLE_NAME = 'elders' THEN
        INSERT INTO limits_stale (elder_id) VALUES (NEW.id);
    ELSIF TG_TABLE_NAME = 'organizations' THEN
        INSERT INTO limits_stale (elder_id) SELECT id FROM elders WHERE organization_id = NEW.id;
    ELSE
        UPDATE rules_generation SET generation = generation + 1;
        INSERT INTO limits_stale (elder_id) SELECT NULL;
    END IF;
    PERFORM pg_notify('anhu_rules', '');
    RETURN NULL;
END $$;
CREATE TRIGGER devices_limits_stale AFTER INSERT ON devices
    FOR EACH ROW WHEN (NEW.elder_id IS NOT NULL) EXECUTE FUNCTION tell_limits_stale();
CREATE TRIGGER devices_limits_stale_again AFTER UPDATE OF elder_id ON devices
    FOR EACH ROW WHEN (OLD.elder_id IS DISTINCT FROM NEW.elder_id) EXECUTE FUNCTION tell_limits_stale();
CREATE TRIGGER elders_limits_stale
    AFTER UPDATE OF organization_id, ability_level, care_categories, spo2_scale_2 ON elders
    FOR EACH ROW WHEN (
        (OLD.organization_id, OLD.ability_level, OLD.care_categories, OLD.spo2_scale_2)
        IS DISTINCT FROM (NEW.organization_id, NEW.ability_level, NEW.care_categories, NEW.spo2_scale_2))
    EXECUTE FUNCTION tell_limits_stale();
CREATE TRIGGER organizations_limits_stale AFTER UPDATE OF parent_id ON organizations
    FOR EACH ROW WHEN (OLD.path IS DISTINCT FROM NEW.path) EXECUTE FUNCTION tell_limits_stale();
CREATE TRIGGER rule_versions_limits_stale AFTER INSERT ON rule_versions
    FOR EACH STATEMENT EXECUTE FUNCTION tell_limits_stale();

INSERT INTO limits_stale (elder_id) VALUES (NULL);
INSERT INTO retention (name, keep) VALUES ('rule_episodes', '1095 days');
