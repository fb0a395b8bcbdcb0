-- Bridges, which have no database and are noted by gateways; what was erased of roll-ups, and is to be looked at again.

-- What each bridge said last of itself, or the broker for it.
CREATE TABLE bridges (
    name     text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    kind     text NOT NULL,                     -- watch, cloud
    state    text NOT NULL CHECK (state IN ('online', 'lost', 'stopped')),
    since    timestamptz NOT NULL,              -- it is in its state
    heard_at timestamptz NOT NULL               -- it spoke last
);

-- Who had their rights before bridges said that they are there: what else was given or taken stays.
UPDATE service_accounts SET rights = rights || ARRAY['read anhu/v1/bridge/+/status']
WHERE username = 'anhu-gateway' AND NOT 'read anhu/v1/bridge/+/status' = ANY(rights);
UPDATE service_accounts SET rights = rights || ARRAY['write anhu/v1/bridge/+/status']
WHERE username = 'anhu-bridge' AND NOT 'write anhu/v1/bridge/+/status' = ANY(rights);

-- Stretches of a device's readings that were an erased person's. Roll-ups of them were deleted with the readings; one
-- that was being made at that moment would be there again, so upkeep, which makes them, deletes them once more.
CREATE TABLE readings_erased (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_key integer NOT NULL,
    since      timestamptz NOT NULL,
    until      timestamptz NOT NULL,
    noted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (since < until)
);
