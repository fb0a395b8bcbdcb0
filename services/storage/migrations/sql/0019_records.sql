-- Records of elders beyond the first schema, what is kept of every change, and search without extensions.

-- Records ------------------------------------------------------------------------------------------

-- The controlled list: what else is written into a record is refused, with what is meant.
CREATE TABLE care_categories (
    name     text PRIMARY KEY,
    position smallint NOT NULL
);
INSERT INTO care_categories (name, position) VALUES
    ('特困', 1), ('低保', 2), ('低保边缘', 3), ('失能', 4), ('半失能', 5), ('残疾', 6), ('计划生育特殊家庭', 7),
    ('优抚对象', 8), ('高龄', 9), ('独居', 10), ('空巢', 11), ('留守', 12), ('认知障碍', 13);

ALTER TABLE elders
    -- Sealed by a key that is not in the database (services/registry/sealing.py); found by a keyed hash.
    ADD COLUMN identity_sealed bytea,
    ADD COLUMN identity_hash   bytea,
    -- Of the name in pinyin: 张桂兰 is zgl. Where a surname is read in two ways, both.
    ADD COLUMN name_initials   text,
    ADD COLUMN long_term_care_grade smallint CHECK (long_term_care_grade BETWEEN 0 AND 5),
    ADD COLUMN conditions      text[] NOT NULL DEFAULT '{}',
    ADD COLUMN medicines       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN allergies       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN doctor_name     text,
    ADD COLUMN doctor_phone    text,
    ADD CHECK ((identity_sealed IS NULL) = (identity_hash IS NULL));
CREATE UNIQUE INDEX elders_identity ON elders (identity_hash) WHERE identity_hash IS NOT NULL;
-- Whom an import means where there is no identity number.
CREATE INDEX elders_name ON elders (organization_id, name, birth_date);

-- Each assessment that was made (GB/T 42195-2022); elders.ability_level is the one in force.
CREATE TABLE ability_assessments (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    elder_id    uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    assessed_on date NOT NULL,
    level       text NOT NULL CHECK (level IN ('intact', 'mild', 'moderate', 'severe', 'total')),
    score       smallint CHECK (score BETWEEN 0 AND 90),
    assessor    text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (elder_id, assessed_on, level)
);

-- Search -------------------------------------------------------------------------------------------

-- Two neighbouring characters as one number; services/registry/find.py makes the same of what is searched. A GIN index
-- of such numbers finds any part of a name, its initials, a telephone number or an address, without an extension.
-- It calls nothing of ours: PostgreSQL 17 maintains indexes with an empty search_path.
-- In plpgsql it takes an eighth of the time that one query of SQL does.
CREATE FUNCTION elder_grams(name text, initials text, phone text, address text) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
DECLARE
    letters text[] := string_to_array(
        lower(coalesce(name, '') || ' ' || coalesce(initials, '') || ' ' || translate(coalesce(phone, ''), '-() +', '')
              || ' ' || coalesce(address, '')), NULL);
    grams integer[] := '{}';
    one integer := ascii(letters[1]);
    other integer;
BEGIN
    FOR i IN 2 .. cardinality(letters) LOOP
        other := ascii(letters[i]);
        IF one <> 32 AND other <> 32 THEN
            grams[i] := (one << 11) # other;
        END IF;
        one := other;
    END LOOP;
    -- A search for one character is for a part of the name.
    FOR i IN 1 .. length(coalesce(name, '')) LOOP
        grams[cardinality(letters) + i] := ascii(letters[i]) << 11;
    END LOOP;
    RETURN array_remove(grams, NULL);
END $$;
CREATE INDEX elders_grams ON elders USING gin (elder_grams(name, name_initials, phone, address));
-- Any part of a device's id, by the same numbers.
CREATE INDEX devices_grams ON devices USING gin (elder_grams('', '', '', device_id));
-- A page of those of some organisations, in the order of their ids.
CREATE INDEX elders_of_organization ON elders (organization_id, id);
DROP INDEX elders_organization;
CREATE INDEX devices_of_organization ON devices (organization_id, device_id);
DROP INDEX devices_organization;

-- Changes ------------------------------------------------------------------------------------------

-- Who changed what of an organisation, an elder, a device or an account, when, before and after. Written by triggers,
-- so that no way of changing one goes round it; who it was is told by set_config (services/registry/changing.py).
CREATE TABLE changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    subject    text NOT NULL,
    subject_id text NOT NULL,
    what       text NOT NULL,
    account_id uuid,                            -- no foreign key: it outlives the account
    actor      text NOT NULL,                   -- the name as it was then
    address    text,
    before     jsonb,                           -- the fields that are different now; never a secret nor a hash of one
    after      jsonb
);
CREATE INDEX changes_subject ON changes (subject, subject_id, id);

-- Arguments: subject, the column of its id, and what to call an insertion.
CREATE FUNCTION keep_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who uuid := nullif(current_setting('anhu.account', true), '')::uuid;
    name text := coalesce(nullif(current_setting('anhu.actor', true), ''), session_user || ' (database)');
    origin text := nullif(current_setting('anhu.address', true), '');
    -- Of these it is kept that they changed, and not what from.
    secrets text[] := ARRAY['identity_sealed', 'identity_hash', 'password_hash', 'credential_hash'];
    -- Kept elsewhere, or made of the others.
    silent text[] := ARRAY['path', 'name_initials', 'identity_sealed'];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        EXECUTE format($q$
            INSERT INTO changes (subject, subject_id, what, account_id, actor, address, before, after)
            SELECT %1$L, j.id, 'changed', $1, $2, $3, d.before, d.after
            FROM (SELECT n.%2$I::text AS id, to_jsonb(o) AS old, to_jsonb(n) AS new
                  FROM is_now n JOIN was o ON %4$s OFFSET 0) j, LATERAL (
                SELECT jsonb_object_agg(e.key, CASE WHEN e.key = ANY($4) THEN '"…"' ELSE j.old -> e.key END),
                       jsonb_object_agg(e.key, CASE WHEN e.key = ANY($4) THEN '"…"' ELSE e.value END)
                FROM jsonb_each(j.new) AS e
                WHERE e.value IS DISTINCT FROM j.old -> e.key AND NOT e.key = ANY($5)) AS d (before, after)
            WHERE j.new <> j.old AND d.after IS NOT NULL$q$,
            TG_ARGV[0], TG_ARGV[1], NULL, TG_ARGV[3]) USING who, name, origin, secrets, silent;
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE format($q$
            INSERT INTO changes (subject, subject_id, what, account_id, actor, address, before)
            SELECT %1$L, o.%2$I::text, %3$L, $1, $2, $3, jsonb_strip_nulls(to_jsonb(o) - $4) FROM was o$q$,
            TG_ARGV[0], TG_ARGV[1], TG_ARGV[4]) USING who, name, origin, secrets || silent;
    ELSIF TG_ARGV[2] = 'created' THEN
        -- What it was made as is the row itself, and what the next change has as `before`.
        EXECUTE format($q$
            INSERT INTO changes (subject, subject_id, what, account_id, actor, address)
            SELECT %1$L, n.%2$I::text, 'created', $1, $2, $3 FROM is_now n$q$,
            TG_ARGV[0], TG_ARGV[1]) USING who, name, origin;
    ELSE
        EXECUTE format($q$
            INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after)
            SELECT %1$L, n.%2$I::text, %3$L, $1, $2, $3, to_jsonb(n) FROM is_now n$q$,
            TG_ARGV[0], TG_ARGV[1], TG_ARGV[2]) USING who, name, origin;
    END IF;
    RETURN NULL;
END $$;

DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT * FROM (VALUES
        ('organizations', 'organization', 'id', 'created', 'n.id = o.id', 'deleted'),
        ('elders', 'elder', 'id', 'created', 'n.id = o.id', 'deleted'),
        ('elder_contacts', 'elder', 'elder_id', 'contact added',
         'n.elder_id = o.elder_id AND n.position = o.position', 'contact removed'),
        ('ability_assessments', 'elder', 'elder_id', 'assessed', 'n.id = o.id', 'assessment removed'),
        ('devices', 'device', 'device_id', 'created', 'n.device_id = o.device_id', 'deleted'),
        ('accounts', 'account', 'id', 'created', 'n.id = o.id', 'deleted'),
        ('account_organizations', 'account', 'account_id', 'organization given',
         'n.account_id = o.account_id AND n.organization_id = o.organization_id', 'organization taken'),
        ('account_elders', 'account', 'account_id', 'elder given',
         'n.account_id = o.account_id AND n.elder_id = o.elder_id', 'elder taken')
    ) AS v (tab, subject, id, made, same, gone) LOOP
        EXECUTE format('CREATE TRIGGER %1$s_made AFTER INSERT ON %1$s REFERENCING NEW TABLE AS is_now
            FOR EACH STATEMENT EXECUTE FUNCTION keep_changes(%2$L, %3$L, %4$L, %5$L, %6$L)',
            one.tab, one.subject, one.id, one.made, one.same, one.gone);
        EXECUTE format('CREATE TRIGGER %1$s_changed AFTER UPDATE ON %1$s REFERENCING OLD TABLE AS was NEW TABLE AS is_now
            FOR EACH STATEMENT EXECUTE FUNCTION keep_changes(%2$L, %3$L, %4$L, %5$L, %6$L)',
            one.tab, one.subject, one.id, one.made, one.same, one.gone);
        EXECUTE format('CREATE TRIGGER %1$s_gone AFTER DELETE ON %1$s REFERENCING OLD TABLE AS was
            FOR EACH STATEMENT EXECUTE FUNCTION keep_changes(%2$L, %3$L, %4$L, %5$L, %6$L)',
            one.tab, one.subject, one.id, one.made, one.same, one.gone);
    END LOOP;
END $$;
