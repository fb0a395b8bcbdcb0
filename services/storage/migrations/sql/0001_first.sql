-- The first schema. Names follow domain.md's words; ARCHITECTURE.md has the map.
-- Every time is timestamptz; every position is WGS 84 in degrees; ids are UUIDv7 made by the application.

-- Organisations: one tree ---------------------------------------------------------------------------

CREATE TABLE organizations (
    id            uuid PRIMARY KEY,
    parent_id     uuid REFERENCES organizations,
    tier          text NOT NULL CHECK (tier IN ('city', 'district', 'street', 'community', 'point', 'care_home')),
    name          text NOT NULL,
    division_code text CHECK (division_code ~ '^[0-9]{6}([0-9]{3}){0,2}$'),
    address       text,
    phone         text,
    -- From the root to this one, itself included: "within reach" is one array comparison. Kept by trigger.
    path          uuid[] NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX organizations_parent ON organizations (parent_id);
CREATE INDEX organizations_path ON organizations USING gin (path);

CREATE FUNCTION organizations_set_path() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_id IS NULL THEN
        NEW.path := ARRAY[NEW.id];
    ELSE
        SELECT path || NEW.id INTO STRICT NEW.path FROM organizations WHERE id = NEW.parent_id;
        IF array_position(NEW.path, NEW.id) < cardinality(NEW.path) THEN
            RAISE EXCEPTION 'organization % cannot be below itself', NEW.id USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER organizations_path BEFORE INSERT OR UPDATE OF parent_id ON organizations
    FOR EACH ROW EXECUTE FUNCTION organizations_set_path();

CREATE FUNCTION organizations_move_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organizations SET parent_id = parent_id WHERE parent_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER organizations_children AFTER UPDATE OF parent_id ON organizations
    FOR EACH ROW WHEN (OLD.path IS DISTINCT FROM NEW.path) EXECUTE FUNCTION organizations_move_children();

-- People ---------------------------------------------------------------------------------------------

CREATE TABLE elders (
    id               uuid PRIMARY KEY,
    organization_id  uuid NOT NULL REFERENCES organizations,
    name             text NOT NULL,
    gender           text CHECK (gender IN ('female', 'male')),
    birth_date       date,
    phone            text,
    address          text,
    lat              double precision CHECK (lat BETWEEN -90 AND 90),
    lon              double precision CHECK (lon BETWEEN -180 AND 180),
    -- GB/T 42195-2022: intact, mild, moderate, severe, total.
    ability_level    text CHECK (ability_level IN ('intact', 'mild', 'moderate', 'severe', 'total')),
    living_situation text,
    care_categories  text[] NOT NULL DEFAULT '{}',
    health_notes     text,
    entry_notes      text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CHECK ((lat IS NULL) = (lon IS NULL))
);
CREATE INDEX elders_organization ON elders (organization_id);

CREATE TABLE elder_contacts (
    elder_id uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    position smallint NOT NULL,
    name     text NOT NULL,
    relation text,
    phone    text NOT NULL,
    PRIMARY KEY (elder_id, position)
);

CREATE TABLE accounts (
    id            uuid PRIMARY KEY,
    username      text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN ('administrator', 'operator', 'caregiver')),
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE account_organizations (
    account_id      uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations,
    PRIMARY KEY (account_id, organization_id)
);

-- Whom a caregiver cares for: all that a caregiver reaches.
CREATE TABLE account_elders (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    elder_id   uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    PRIMARY KEY (account_id, elder_id)
);

CREATE TABLE sessions (
    id                    uuid PRIMARY KEY,
    account_id            uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    refresh_hash          bytea NOT NULL UNIQUE,
    -- The token before the last refresh: honoured for some seconds (two tabs, a lost answer), a theft after.
    previous_refresh_hash bytea UNIQUE,
    refreshed_at          timestamptz NOT NULL DEFAULT now(),
    created_at            timestamptz NOT NULL DEFAULT now(),
    expires_at            timestamptz NOT NULL,
    revoked_at            timestamptz,
    address               text
);
CREATE INDEX sessions_account ON sessions (account_id);

CREATE TABLE sign_in_failures (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL,
    address  text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_failures_at ON sign_in_failures (username, address, at);

-- Devices --------------------------------------------------------------------------------------------

CREATE TABLE devices (
    device_id       text PRIMARY KEY CHECK (device_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    -- Four bytes instead of the name in every reading.
    key             integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind            text NOT NULL,
    model           text,
    organization_id uuid NOT NULL REFERENCES organizations,
    elder_id        uuid REFERENCES elders ON DELETE SET NULL,
    -- Mosquitto's own form ($7$iterations$salt$hash), so that one table serves the broker and a server's SQL.
    credential_hash text,
    enrolled_at     timestamptz NOT NULL DEFAULT now(),
    revoked_at      timestamptz
);
CREATE INDEX devices_organization ON devices (organization_id);
CREATE INDEX devices_elder ON devices (elder_id);

-- What is known of a device now: written often, so apart from the registry.
CREATE TABLE device_states (
    device_key   integer PRIMARY KEY REFERENCES devices (key) ON DELETE CASCADE,
    online       boolean,
    online_at    timestamptz,
    last_seen_at timestamptz,
    battery      real
) WITH (fillfactor = 70);

-- What devices said ----------------------------------------------------------------------------------

-- `readings` is made by the migration: a hypertable where the server offers TimescaleDB, else partitions.

CREATE TABLE events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id       text NOT NULL,              -- no foreign key: an unknown device's SOS is kept too
    event_id        text NOT NULL,
    type            text NOT NULL,
    -- What makes a repeat, with device, event_id and type: the instant of `ts`, or its text when unreadable.
    ts_key          text NOT NULL,
    occurred_at     timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    device_ts       text,                       -- the device's own words, kept when they are not believed
    clock_suspect   boolean NOT NULL DEFAULT false,
    event_id_reused boolean NOT NULL DEFAULT false,
    seq             bigint,
    cancels         text,
    lat             double precision,
    lon             double precision,
    accuracy        real,
    battery         real,
    detail          jsonb,
    flaws           jsonb NOT NULL DEFAULT '[]', -- fields that could not be read: [{"field", "reason"}]
    raw             bytea NOT NULL,
    elder_id        uuid REFERENCES elders ON DELETE SET NULL,
    organization_id uuid REFERENCES organizations,
    repeats         integer NOT NULL DEFAULT 0,
    last_received_at timestamptz NOT NULL,
    -- For a fall: when its cancel was accepted. For a cancel: when it found its event.
    cancelled_at    timestamptz,
    UNIQUE (device_id, event_id, type, ts_key)
);
CREATE INDEX events_received ON events (received_at);
CREATE INDEX events_waiting_cancels ON events (device_id, cancels) WHERE type = 'cancel' AND cancelled_at IS NULL;

-- Committed with its event; deleted in the commit that decides it. A claim is a row lock: it dies with its worker.
CREATE TABLE event_queue (
    event       bigint PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    device_id   text NOT NULL,
    urgent      boolean NOT NULL,               -- an emergency or a cancel: goes before all others
    queued_at   timestamptz NOT NULL DEFAULT now(),
    attempts    integer NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL DEFAULT '-infinity',
    last_error  text
);
CREATE INDEX event_queue_device ON event_queue (device_id, event);
CREATE INDEX event_queue_order ON event_queue (urgent DESC, event);

CREATE TABLE service_requests (
    id              uuid PRIMARY KEY,
    event           bigint NOT NULL UNIQUE REFERENCES events,
    organization_id uuid NOT NULL REFERENCES organizations,
    elder_id        uuid REFERENCES elders ON DELETE SET NULL,
    device_id       text NOT NULL,
    service         text NOT NULL,
    requested_at    timestamptz NOT NULL
);

CREATE TABLE command_results (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id   text NOT NULL,
    received_at timestamptz NOT NULL,
    result      jsonb NOT NULL
);

CREATE TABLE quarantine (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at   timestamptz NOT NULL,
    topic         text NOT NULL,
    device_id     text,
    reason        text NOT NULL,                -- a code of gateway.quarantine.Reason
    field         text,
    detail        text NOT NULL,                -- what, where, how to mend it
    payload       bytea NOT NULL,               -- at most the first 64 KiB
    payload_bytes integer NOT NULL
);
CREATE INDEX quarantine_received ON quarantine (received_at, id);
CREATE INDEX quarantine_device ON quarantine (device_id, received_at);

-- Alerts ---------------------------------------------------------------------------------------------

-- The table of type -> severity. `then_*`: what it becomes after so many seconds without cancel or answer.
CREATE TABLE alert_rules (
    type          text PRIMARY KEY,
    severity      text NOT NULL CHECK (severity IN ('red', 'orange', 'yellow', 'blue')),
    title         text NOT NULL,
    then_seconds  integer CHECK (then_seconds > 0),
    then_severity text CHECK (then_severity IN ('red', 'orange', 'yellow', 'blue')),
    then_title    text,
    CHECK ((then_seconds IS NULL) = (then_severity IS NULL) AND (then_seconds IS NULL) = (then_title IS NULL)),
    CHECK (severity <> 'red' OR title LIKE '紧急救援%'),
    CHECK (then_severity <> 'red' OR then_title LIKE '紧急救援%')
);
INSERT INTO alert_rules (type, severity, title, then_seconds, then_severity, then_title) VALUES
    ('sos',         'red',    '紧急救援 · 本人呼救',   NULL, NULL,  NULL),
    ('smoke',       'red',    '紧急救援 · 烟雾报警',   NULL, NULL,  NULL),
    ('gas',         'red',    '紧急救援 · 燃气泄漏',   NULL, NULL,  NULL),
    ('fall',        'orange', '疑似跌倒',               30,   'red', '紧急救援 · 跌倒未取消'),
    ('water_leak',  'yellow', '漏水报警',              NULL, NULL,  NULL),
    ('tamper',      'yellow', '设备被拆动',            NULL, NULL,  NULL);

CREATE TABLE alerts (
    id              uuid PRIMARY KEY,
    type            text NOT NULL,
    severity        text NOT NULL CHECK (severity IN ('red', 'orange', 'yellow', 'blue')),
    title           text NOT NULL,
    state           text NOT NULL CHECK (state IN
                        ('triggered', 'acknowledged', 'dispatched', 'arrived', 'resolved', 'followed_up', 'cancelled')),
    attention       boolean NOT NULL DEFAULT false,
    elder_id        uuid REFERENCES elders ON DELETE SET NULL,
    device_id       text NOT NULL,
    device_kind     text,
    place           text,                       -- the elder's address as it was at the raise: what 120 is told
    organization_id uuid NOT NULL REFERENCES organizations,
    event_id        text NOT NULL,
    occurred_at     timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    raised_at       timestamptz NOT NULL,
    last_move_at    timestamptz NOT NULL,
    late_seconds    integer NOT NULL DEFAULT 0,
    clock_suspect   boolean NOT NULL DEFAULT false,
    event_id_reused boolean NOT NULL DEFAULT false,
    lat             double precision,
    lon             double precision,
    accuracy        real,
    drill           boolean NOT NULL DEFAULT false,
    occurrences     integer NOT NULL DEFAULT 1,
    confidence      real,
    holder_id       uuid REFERENCES accounts,   -- who acknowledged last
    holder_name     text,
    outcome         text,
    seen_at         timestamptz,
    version         integer NOT NULL DEFAULT 1
);
-- What a new event of the same cause folds into; a cause is the elder (else the device), the type, the drill flag.
CREATE INDEX alerts_unresolved_elder ON alerts (elder_id, type)
    WHERE state IN ('triggered', 'acknowledged', 'dispatched', 'arrived');
CREATE INDEX alerts_unresolved_device ON alerts (device_id, type)
    WHERE state IN ('triggered', 'acknowledged', 'dispatched', 'arrived');
CREATE INDEX alerts_raised ON alerts (raised_at DESC, id DESC);
CREATE INDEX alerts_organization ON alerts (organization_id, raised_at DESC);

-- Every event is in at most one alert: the primary key says so.
CREATE TABLE alert_events (
    event    bigint PRIMARY KEY REFERENCES events,
    alert_id uuid NOT NULL REFERENCES alerts,
    -- The furthest stage told to the device, word for word: what a repeat of the event is answered with.
    receipt  jsonb NOT NULL
);
CREATE INDEX alert_events_alert ON alert_events (alert_id);

-- On whose screens an alert is. Rows are added, never taken away.
CREATE TABLE alert_routes (
    alert_id        uuid NOT NULL REFERENCES alerts,
    organization_id uuid NOT NULL REFERENCES organizations,
    reason          text NOT NULL CHECK (reason IN ('home', 'escalated', 'shared')),
    since           timestamptz NOT NULL,
    PRIMARY KEY (alert_id, organization_id)
);
CREATE INDEX alert_routes_organization ON alert_routes (organization_id);

CREATE TABLE alert_timeline (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id   uuid NOT NULL REFERENCES alerts,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,
    account_id uuid REFERENCES accounts,
    actor      text,                            -- the name as it was then
    origin     text,                            -- from where: network address of the request, or the device
    note       text,
    body       jsonb,                           -- a move's body: a repeat of it changes nothing
    version    integer NOT NULL
);
CREATE INDEX alert_timeline_alert ON alert_timeline (alert_id, id);

-- Timers are rows: a restart forgets none. Deleted in the commit that acts on them.
CREATE TABLE alert_timers (
    alert_id uuid NOT NULL REFERENCES alerts,
    kind     text NOT NULL CHECK (kind IN ('worsen', 'escalate')),
    due_at   timestamptz NOT NULL,
    PRIMARY KEY (alert_id, kind)
);
CREATE INDEX alert_timers_due ON alert_timers (due_at);

-- Messages that a change causes, in the change's own commit; deleted after the send, not before.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel    text NOT NULL,                   -- 'receipt': to a device over MQTT
    recipient  text NOT NULL,
    message    jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Live screens ---------------------------------------------------------------------------------------

-- One row an organisation: its lock orders the frames, so that `seq` has no gap and no late comer.
CREATE TABLE station_feed_heads (
    organization_id uuid PRIMARY KEY REFERENCES organizations ON DELETE CASCADE,
    seq             bigint NOT NULL
);
CREATE TABLE station_feed (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    seq             bigint NOT NULL,
    at              timestamptz NOT NULL,
    alert_id        uuid NOT NULL REFERENCES alerts,
    alert           jsonb NOT NULL,             -- as the change left it
    PRIMARY KEY (organization_id, seq)
);
CREATE INDEX station_feed_at ON station_feed (at);

-- Running it -----------------------------------------------------------------------------------------

-- A fixed secret MQTT client id for each gateway that may run; the session behind it outlives the process.
CREATE TABLE gateway_slots (
    slot        integer PRIMARY KEY,
    client_id   text NOT NULL UNIQUE,
    holder      uuid,                           -- the gateway process
    backend_pid integer,                        -- its database session, whose advisory lock holds the slot
    beat_at     timestamptz NOT NULL DEFAULT '-infinity',
    heard_at    timestamptz NOT NULL DEFAULT '-infinity'   -- when its holder was last connected to the broker
);

-- The group in which gateways share the devices' topics: whoever knows it could take a share, so it is secret too.
CREATE TABLE gateway_group (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    name     text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', '')
);
INSERT INTO gateway_group DEFAULT VALUES;

CREATE TABLE workers (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL,                   -- gateway, alerts, api
    host       text NOT NULL,
    pid        integer NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at    timestamptz NOT NULL,
    status     jsonb NOT NULL                   -- what /readyz and /metrics tell of it
);

-- Who looked at what of an elder's location and health.
CREATE TABLE access_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    account_id uuid NOT NULL REFERENCES accounts,
    elder_id   uuid REFERENCES elders ON DELETE SET NULL,
    alert_id   uuid REFERENCES alerts,
    what       text NOT NULL,
    address    text
);
CREATE INDEX access_log_elder ON access_log (elder_id, at);
