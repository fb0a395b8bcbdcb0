-- Telephone numbers at rest, what is withheld opened with a reason, trails that notice tampering, second factors, and
-- people who are gone.

-- Telephone numbers ------------------------------------------------------------------------------

-- `phone` and `doctor_phone` are sealed by a key that is not in the database, or plain: ~key:… is sealed
-- (services/registry/telephones.py). Found by keyed hashes of the whole number, of the number without its area code
-- and of the last four digits.
ALTER TABLE elders ADD COLUMN phone_marks bytea[];
ALTER TABLE elder_contacts ADD COLUMN phone_marks bytea[];
ALTER TABLE responders ADD COLUMN phone_marks bytea[];
CREATE INDEX elders_phone_marks ON elders USING gin (phone_marks);
CREATE INDEX elder_contacts_phone_marks ON elder_contacts USING gin (phone_marks);
-- What `anhu upkeep` has still to seal: empty as a rule.
CREATE INDEX elders_plain_phones ON elders (id) WHERE left(phone, 1) <> '~' OR left(doctor_phone, 1) <> '~';
CREATE INDEX elder_contacts_plain_phones ON elder_contacts (elder_id, position) WHERE left(phone, 1) <> '~';
CREATE INDEX responders_plain_phones ON responders (account_id) WHERE left(phone, 1) <> '~';

-- As in 0019_records.sql; a sealed number has no pairs of characters. Of a plain one it makes what it made, so that
-- the index stays as it is.
CREATE OR REPLACE FUNCTION elder_grams(name text, initials text, phone text, address text) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
DECLARE
    digits text := CASE WHEN left(phone, 1) = '~' THEN '' ELSE translate(coalesce(phone, ''), '-() +', '') END;
    letters text[] := string_to_array(
        lower(coalesce(name, '') || ' ' || coalesce(initials, '') || ' ' || digits || ' ' || coalesce(address, '')),
        NULL);
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

-- What is withheld, opened -----------------------------------------------------------------------

-- Health and location of an elder without an unresolved alert, opened by somebody for a reason and a while.
CREATE TABLE openings (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    elder_id   uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES accounts,
    reason     text NOT NULL,
    opened_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at    timestamptz NOT NULL,
    address    text,
    CHECK (ends_at <= opened_at + interval '1 hour')
);
CREATE INDEX openings_elder ON openings (elder_id, opened_at);
CREATE INDEX openings_account ON openings (account_id, ends_at);

-- Trails that notice tampering -------------------------------------------------------------------

-- What a change says is hashed with a salt of its own. Of a person who is gone hash and row stay, and what it said and
-- the salt go: the seals still hold, and nobody can guess what it was.
ALTER TABLE changes
    ADD COLUMN salt     uuid DEFAULT gen_random_uuid(),
    ADD COLUMN said     bytea,                   -- the hash, once what it said is gone
    ADD CHECK (said IS NULL OR (before IS NULL AND after IS NULL AND salt IS NULL));

-- A seal over the rows of one trail from first_id to last_id, and over the seal before it (services/registry/trails.py).
-- Made behind the writers: nobody who writes a row waits for it.
CREATE TABLE trail_seals (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trail    text NOT NULL CHECK (trail IN ('access_log', 'changes')),
    first_id bigint NOT NULL,
    last_id  bigint NOT NULL CHECK (last_id >= first_id),
    count    integer NOT NULL,
    newest   timestamptz,                        -- null: the ids were given to transactions that came to nothing
    sealed_at timestamptz NOT NULL,
    digest   bytea NOT NULL,
    key      text NOT NULL,                      -- whose keyed hash it is; '' without keys
    hash     bytea NOT NULL,
    gone_at  timestamptz,                        -- its rows had been kept long enough
    UNIQUE (trail, first_id)
);
-- Up to where a trail may be sealed, once whoever was writing at `horizon` is done: ids are given before the commit.
CREATE TABLE trail_marks (
    trail   text PRIMARY KEY,
    up_to   bigint NOT NULL,
    horizon text
);

-- Second factor ----------------------------------------------------------------------------------

CREATE TABLE second_factors (
    account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    secret     bytea NOT NULL,                   -- sealed, as identity numbers are
    begun_at   timestamptz NOT NULL DEFAULT now(),
    on_since   timestamptz,                      -- null: not confirmed by a first code
    last_step  bigint NOT NULL DEFAULT 0,        -- no code is taken twice
    recovery   bytea[] NOT NULL DEFAULT '{}'     -- hashes of the codes that are left
);
ALTER TABLE sessions ADD COLUMN agent text;      -- what the browser called itself

-- People who are gone ----------------------------------------------------------------------------

-- Of whom nothing is left but that there was somebody: alerts and statistics refer to them.
ALTER TABLE elders ADD COLUMN erased_at timestamptz;

INSERT INTO retention (name, keep) VALUES
    ('changes', '1095 days'), ('openings', '1095 days'), ('service_requests', '1095 days')
ON CONFLICT (name) DO NOTHING;
ALTER TABLE service_request_log
    DROP CONSTRAINT service_request_log_request_id_fkey,
    ADD FOREIGN KEY (request_id) REFERENCES service_requests ON DELETE CASCADE;

-- Changes ----------------------------------------------------------------------------------------

-- As in 0019_records.sql. New: silent while numbers are sealed anew or a person goes, which is told in one line of its
-- own; and what is made of other fields is not told of a new row either.
CREATE OR REPLACE FUNCTION keep_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who uuid := nullif(current_setting('anhu.account', true), '')::uuid;
    name text := coalesce(nullif(current_setting('anhu.actor', true), ''), session_user || ' (database)');
    origin text := nullif(current_setting('anhu.address', true), '');
    -- Of these it is kept that they changed, and not what from.
    secrets text[] := ARRAY['identity_sealed', 'identity_hash', 'password_hash', 'credential_hash'];
    -- Kept elsewhere, or made of the others.
    silent text[] := ARRAY['path', 'name_initials', 'identity_sealed', 'phone_marks'];
BEGIN
    IF current_setting('anhu.silent', true) = 'on' THEN
        RETURN NULL;
    END IF;
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
            SELECT %1$L, n.%2$I::text, %3$L, $1, $2, $3, to_jsonb(n) - $4 FROM is_now n$q$,
            TG_ARGV[0], TG_ARGV[1], TG_ARGV[2]) USING who, name, origin, silent;
    END IF;
    RETURN NULL;
END $$;
