-- Consents are recorded and taken back by the station, and each of it is kept; what a row of the list says of an alert
-- beside its state.

-- Consents -----------------------------------------------------------------------------------------

ALTER TABLE consents
    ADD COLUMN given_by     text,                             -- 本人, or who agreed for them; null: nobody wrote it down
    ADD COLUMN withdrawn_by text;                             -- who recorded that they withdrew it
CREATE INDEX consents_elder ON consents (elder_id, given_at);

-- As keep_changes (0019) does for records; of its own, since a withdrawal has to say of what.
CREATE FUNCTION keep_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who uuid := nullif(current_setting('anhu.account', true), '')::uuid;
    name text := coalesce(nullif(current_setting('anhu.actor', true), ''), session_user || ' (database)');
    origin text := nullif(current_setting('anhu.address', true), '');
    ids text[] := ARRAY['id', 'elder_id', 'recorded_by'];
BEGIN
    IF current_setting('anhu.silent', true) = 'on' THEN  -- a person goes, which is told in one line of its own
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after)
        VALUES ('elder', NEW.elder_id::text, 'consent given', who, name, origin, jsonb_strip_nulls(to_jsonb(NEW) - ids));
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes (subject, subject_id, what, account_id, actor, address, before)
        VALUES ('elder', OLD.elder_id::text, 'consent removed', who, name, origin, jsonb_strip_nulls(to_jsonb(OLD) - ids));
    ELSIF OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL THEN
        INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after)
        VALUES ('elder', NEW.elder_id::text, 'consent withdrawn', who, name, origin,
                jsonb_build_object('purpose', NEW.purpose, 'withdrawn_at', NEW.withdrawn_at));
    ELSE
        INSERT INTO changes (subject, subject_id, what, account_id, actor, address, before, after)
        VALUES ('elder', NEW.elder_id::text, 'consent changed', who, name, origin,
                jsonb_strip_nulls(to_jsonb(OLD) - ids), jsonb_strip_nulls(to_jsonb(NEW) - ids));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER consents_kept AFTER INSERT OR UPDATE OR DELETE ON consents
    FOR EACH ROW EXECUTE FUNCTION keep_consent();

-- Channels -----------------------------------------------------------------------------------------

-- A number or an address, reached by the deployment's own gateway of SMS, of voice or of mail.
ALTER TABLE channels DROP CONSTRAINT channels_kind_check;
ALTER TABLE channels ADD CONSTRAINT channels_kind_check CHECK (kind IN ('web_push', 'apprise', 'webhook', 'gateway'));

-- Alerts -------------------------------------------------------------------------------------------

ALTER TABLE alerts
    ADD COLUMN family_safe boolean NOT NULL DEFAULT false,    -- family say so, and nobody has pressed since
    ADD COLUMN unreached   integer NOT NULL DEFAULT 0;        -- people whom no message of theirs reached
