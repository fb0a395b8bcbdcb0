-- From a notice to the person's eye: the ways by which people are reached, each try, and what came of it.

-- Where a notice stands. A claim is `next_at` moved past the longest send: whoever dies leaves it to the next.
ALTER TABLE notices ALTER COLUMN alert_id DROP NOT NULL;      -- a test of a channel is of no alert
ALTER TABLE notices
    ADD COLUMN about      text,                               -- of an update: on_the_way, arrived, resolved, cancelled
    ADD COLUMN channel_id uuid,                               -- of a test: the one that is tried
    ADD COLUMN next_at    timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN shown_at   timestamptz,                        -- their device says that it has shown it
    ADD COLUMN opened_at  timestamptz,                        -- the link in it was opened
    ADD COLUMN ended_at   timestamptz,
    ADD COLUMN ended      text,                               -- alerts.domain.delivery.End
    ADD CHECK ((ended_at IS NULL) = (ended IS NULL));
CREATE INDEX notices_due ON notices (next_at) WHERE ended_at IS NULL;
CREATE INDEX notices_person ON notices (account_id, asked_at);

-- How a person is reached, in their own order. `target` is secret: a robot's address is all that it takes to speak.
CREATE TABLE channels (
    id          uuid PRIMARY KEY,
    account_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('web_push', 'apprise', 'webhook')),
    label       text NOT NULL,
    position    integer NOT NULL,
    -- Nothing milder comes this way: a telephone need not ring for a low battery.
    least       text NOT NULL DEFAULT 'blue' CHECK (least IN ('red', 'orange', 'yellow', 'blue')),
    target      jsonb NOT NULL,
    service     text NOT NULL,                                -- what may be shown of it: a host, or the name of a service
    fingerprint bytea NOT NULL,                               -- of the target: the same one added again is the same
    added_at    timestamptz NOT NULL DEFAULT now(),
    worked_at   timestamptz,
    failed_at   timestamptz,
    failure     text,                                         -- why it failed last; nothing of the target
    gone_at     timestamptz,                                  -- its service says that it is no more
    UNIQUE (account_id, fingerprint)
);

-- Each try, written before it is made: one without an end may have arrived.
CREATE TABLE delivery_attempts (
    id         uuid PRIMARY KEY,
    notice_id  uuid NOT NULL REFERENCES notices ON DELETE CASCADE,
    channel_id uuid NOT NULL,                                 -- no foreign key: what was tried outlives the channel
    kind       text NOT NULL,
    label      text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    outcome    text CHECK (outcome IN ('accepted', 'failed', 'busy', 'refused', 'gone')),
    not_before timestamptz,                                   -- the service asked to wait so long
    detail     text,
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX delivery_attempts_notice ON delivery_attempts (notice_id, started_at);
CREATE INDEX delivery_attempts_started ON delivery_attempts (started_at);

-- When somebody is not to be disturbed, in Beijing: past midnight when the end is before the beginning. Red comes through.
CREATE TABLE quiet_hours (
    account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    begins     time NOT NULL,
    ends       time NOT NULL,
    CHECK (begins <> ends)
);

-- By which push services know us. Made at the first need; ANHU_VAPID_PRIVATE_KEY goes before it.
CREATE TABLE vapid_key (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    private_key text NOT NULL
);

-- What an elder agreed to. The newest row of a purpose counts; none is no.
CREATE TABLE consents (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    elder_id     uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    purpose      text NOT NULL CHECK (purpose IN ('family_alerts', 'family_location', 'family_vitals')),
    text         text NOT NULL,                               -- what they agreed to, word for word
    given_at     timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz CHECK (withdrawn_at >= given_at),
    recorded_by  text NOT NULL
);
CREATE UNIQUE INDEX consents_given ON consents (elder_id, purpose) WHERE withdrawn_at IS NULL;
-- Caregivers who were bound to an elder before consents were kept see what they saw.
INSERT INTO consents (elder_id, purpose, text, recorded_by)
SELECT DISTINCT b.elder_id, p.purpose, '在登记知情同意之前已绑定家属，沿用原有范围，请补签', '系统升级'
FROM account_elders b, unnest(ARRAY['family_alerts', 'family_location', 'family_vitals']) AS p (purpose);

-- Which stages the broker has taken for a device. Written behind the send; never changed, so that it waits for nobody.
CREATE TABLE device_told (
    event bigint NOT NULL,
    stage text NOT NULL,
    at    timestamptz NOT NULL,
    PRIMARY KEY (event, stage)
);

INSERT INTO retention (name, keep) VALUES ('notices', '1095 days'), ('device_told', '400 days');
