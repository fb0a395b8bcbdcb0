-- Signed webhooks for every change: whom of other systems we tell that something changed, and how far we are with it.

-- What another system asked for. Changes of it are kept as those of records are.
CREATE TABLE webhooks (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,   -- it is told of this one, and of all below it
    label           text NOT NULL,
    url             text NOT NULL,
    subjects        text[] NOT NULL CHECK (
        cardinality(subjects) > 0
        AND subjects <@ ARRAY['organization', 'elder', 'device', 'account', 'alert']),
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
