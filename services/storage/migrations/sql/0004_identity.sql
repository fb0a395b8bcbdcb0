-- Who may sign in to the broker besides devices, and who changed whose secret.

-- Gateways, alerts workers, bridges, other platforms, the benchmark. Their names and devices' are one name space: the
-- broker has one password file. Whoever adds a name of either kind holds the advisory lock of services/registry/names.py.
CREATE TABLE service_accounts (
    username        text PRIMARY KEY CHECK (username ~ '^[A-Za-z0-9._-]{1,64}$'),
    credential_hash text NOT NULL,              -- as in devices
    rights          text[] NOT NULL,            -- `read|write|readwrite TOPIC`, MQTT's wildcards
    created_at      timestamptz NOT NULL DEFAULT now(),
    revoked_at      timestamptz
);

-- Each enrolment, new secret and revocation; never a secret, nor a hash of one.
CREATE TABLE identity_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    subject    text NOT NULL,                   -- device_id or username; no foreign key: it outlives both
    kind       text NOT NULL CHECK (kind IN ('device', 'service_account')),
    what       text NOT NULL CHECK (what IN ('enrolled', 'rotated', 'revoked', 'restored', 'rights')),
    account_id uuid REFERENCES accounts,        -- NULL: from the command line
    actor      text NOT NULL,                   -- the name as it was then
    address    text
);
CREATE INDEX identity_log_subject ON identity_log (subject, id);

-- A hint to whoever writes the broker's files; identical ones within a transaction are one.
CREATE FUNCTION tell_broker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('anhu_broker', '');
    RETURN NULL;
END $$;
CREATE TRIGGER devices_tell_broker
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF device_id, credential_hash, revoked_at ON devices
    FOR EACH STATEMENT EXECUTE FUNCTION tell_broker();
CREATE TRIGGER service_accounts_tell_broker
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE ON service_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION tell_broker();
