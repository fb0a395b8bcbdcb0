-- Signed webhooks for every change: whom of other systems we tell that something changed, and how far we are with it.

-- What another system asked for. Changes of it are kept as those of records are.
CREATE TABLE webhooks (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,   -- it is told of this one, and of all below it
    label           text NOT NULL,
    url             text NOT NULL,
    subjects        text[] NOT NULL CHECK (
        cardinality(subjects) > 0
        AND subjects <@ ARRAY['organization', 'elder', 'device', 'account', 'alert', 'visit', 'service_request',
                              'medication', 'responder', 'duty', 'escalation', 'rule']),
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    made_by_name    text NOT NULL,
    paused_at       timestamptz,
    paused_why      text CHECK (paused_why IN ('asked', 'failing', 'gone')),
    CHECK ((paused_at IS NULL) = (paused_why IS NULL))
);
CREATE INDEX webhooks_organization ON webhooks (organization_id);

-- How far it is, written with each delivery; and the secret, which no trail is to have.
CREATE TABLE webhook_states (
    webhook_id     uuid PRIMARY KEY REFERENCES webhooks ON DELETE CASCADE,
    secret         bytea NOT NULL,               -- sealed, as second factors are
    changes_after  bigint NOT NULL,              -- ids up to which everything is delivered
    timeline_after bigint NOT NULL,
    next_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    failures       integer NOT NULL DEFAULT 0,   -- one after the other
    failing_since  timestamptz,
    failure        text,
    delivered_at   timestamptz,
    test_asked_at  timestamptz,
    claim          uuid,                         -- one sender at a time, or the order would be lost
    claimed_until  timestamptz
);

-- The last attempts of each, for whoever looks why nothing arrives.
CREATE TABLE webhook_deliveries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    event      text NOT NULL,                    -- the body's id
    subject    text NOT NULL,
    action     text NOT NULL,
    outcome    text NOT NULL,
    detail     text NOT NULL,
    milliseconds integer NOT NULL
);
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook_id, id);

CREATE TRIGGER webhooks_made AFTER INSERT ON webhooks REFERENCING NEW TABLE AS is_now
    FOR EACH STATEMENT EXECUTE FUNCTION keep_changes('webhook', 'id', 'created', 'n.id = o.id', 'deleted');
CREATE TRIGGER webhooks_changed AFTER UPDATE ON webhooks REFERENCING OLD TABLE AS was NEW TABLE AS is_now
    FOR EACH STATEMENT EXECUTE FUNCTION keep_changes('webhook', 'id', 'created', 'n.id = o.id', 'deleted');
CREATE TRIGGER webhooks_gone AFTER DELETE ON webhooks REFERENCING OLD TABLE AS was
    FOR EACH STATEMENT EXECUTE FUNCTION keep_changes('webhook', 'id', 'created', 'n.id = o.id', 'deleted');

-- What keeps a history of its own, or none, is in the trail by this: that it changed, who did it, whose it is, and by
-- name the fields that are otherwise now. No value: the trail outlives what is erased.
-- Arguments: subject; the columns of its id, of who did it, and of their name.
CREATE FUNCTION keep_that_it_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one jsonb := to_jsonb(new);
    told jsonb := '{}';
    place uuid;
BEGIN
    IF current_setting('anhu.silent', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(e.key, '…') INTO told FROM jsonb_each(one) AS e
        -- Where somebody is just now is no change of the register.
        WHERE e.value IS DISTINCT FROM to_jsonb(old) -> e.key
          AND e.key NOT IN ('version', 'changed_at', 'changed_by', 'seen_lat', 'seen_lon', 'seen_at', 'phone_marks');
        IF told IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_TABLE_NAME = 'rule_versions' THEN
        one := one || (SELECT to_jsonb(r) - 'version' FROM rules r WHERE r.id = new.rule_id);
    ELSIF TG_TABLE_NAME = 'escalation_policy_versions' THEN
        one := one || (SELECT to_jsonb(p) - 'version' FROM escalation_policies p WHERE p.id = new.policy_id);
    END IF;
    place := coalesce((one ->> 'organization_id')::uuid,
                      (SELECT organization_id FROM elders WHERE id = (one ->> 'elder_id')::uuid),
                      (SELECT id FROM organizations WHERE parent_id IS NULL LIMIT 1));
    INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after)
    VALUES (TG_ARGV[0], one ->> TG_ARGV[1], CASE TG_OP WHEN 'INSERT' THEN 'created' ELSE 'changed' END,
            coalesce(nullif(current_setting('anhu.account', true), ''), one ->> TG_ARGV[2])::uuid,
            coalesce(nullif(current_setting('anhu.actor', true), ''), one ->> TG_ARGV[3], 'anhu'),
            nullif(current_setting('anhu.address', true), ''),
            told || jsonb_build_object('organization_id', place));
    RETURN NULL;
END $$;

CREATE TRIGGER visits_told AFTER INSERT ON visits
    FOR EACH ROW EXECUTE FUNCTION keep_that_it_changed('visit', 'id', 'visitor_id', 'visitor_name');
CREATE TRIGGER service_requests_told AFTER INSERT OR UPDATE ON service_requests
    FOR EACH ROW EXECUTE FUNCTION keep_that_it_changed('service_request', 'id', 'holder_id', 'holder_name');
CREATE TRIGGER medication_plans_told AFTER INSERT OR UPDATE ON medication_plans
    FOR EACH ROW EXECUTE FUNCTION keep_that_it_changed('medication', 'elder_id', 'made_by', 'made_by_name');
CREATE TRIGGER responders_told AFTER INSERT OR UPDATE ON responders
    FOR EACH ROW EXECUTE FUNCTION keep_that_it_changed('responder', 'account_id', 'changed_by', '');
CREATE TRIGGER duty_shifts_told AFTER INSERT OR UPDATE ON duty_shifts
    FOR EACH ROW EXECUTE FUNCTION keep_that_it_changed('duty', 'organization_id', 'made_by', 'made_by_name');
CREATE TRIGGER duty_changes_told AFTER INSERT OR UPDATE ON duty_changes
    FOR EACH ROW EXECUTE FUNCTION keep_that_it_changed('duty', 'organization_id', 'made_by', 'made_by_name');
CREATE TRIGGER escalation_policies_told AFTER INSERT ON escalation_policy_versions
    FOR EACH ROW EXECUTE FUNCTION keep_that_it_changed('escalation', 'organization_id', 'changed_by', 'changed_by_name');
CREATE TRIGGER rules_told AFTER INSERT ON rule_versions
    FOR EACH ROW EXECUTE FUNCTION keep_that_it_changed('rule', 'rule_id', 'changed_by', 'changed_by_name');
