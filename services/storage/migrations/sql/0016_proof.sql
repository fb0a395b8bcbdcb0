-- Proof that somebody comes: drills, the synthetic press, the audit of ourselves, the ledger of presses.
-- docs/drills.md, docs/watch.md and docs/reports.md say how they are used.

-- A drill takes the real path. `organization_id` is where all devices below are listed; NULL: they were named.
CREATE TABLE drills (
    id              uuid PRIMARY KEY,
    name            text NOT NULL,
    note            text,
    organization_id uuid REFERENCES organizations,
    state           text NOT NULL CHECK (state IN ('planned', 'running', 'ended', 'called_off')),
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at > starts_at),
    made_by         uuid NOT NULL REFERENCES accounts,
    made_by_name    text NOT NULL,
    made_from       text,
    made_at         timestamptz NOT NULL,
    over_at         timestamptz,
    over_why        text CHECK (over_why IN ('complete', 'time_up', 'call_off')),
    over_by         uuid REFERENCES accounts,
    over_by_name    text,
    CHECK ((state IN ('ended', 'called_off')) = (over_at IS NOT NULL)),
    CHECK ((over_at IS NULL) = (over_why IS NULL))
);
CREATE INDEX drills_on ON drills (starts_at) WHERE over_at IS NULL;

-- What a drill expects: one press of each listed device. The first that comes in time takes the row, and is the drill's;
-- every other press is real. `event` is set in the commit that takes the press in.
CREATE TABLE drill_presses (
    drill_id        uuid NOT NULL REFERENCES drills ON DELETE CASCADE,
    device_id       text NOT NULL,
    elder_id        uuid REFERENCES elders ON DELETE SET NULL,
    organization_id uuid NOT NULL REFERENCES organizations,
    expected_from   timestamptz NOT NULL,
    expected_until  timestamptz NOT NULL,
    event           bigint UNIQUE REFERENCES events,
    PRIMARY KEY (drill_id, device_id)
);
-- The one look that a press waits for: by its device, among those that have not pressed yet.
CREATE INDEX drill_presses_expected ON drill_presses (device_id, expected_from) WHERE event IS NULL;

-- The last synthetic press of each station that was taken in: what the station's live reader looks for.
CREATE TABLE station_probes (
    organization_id uuid PRIMARY KEY REFERENCES organizations ON DELETE CASCADE,
    probe           uuid NOT NULL,
    taken_at        timestamptz NOT NULL
);
-- What became of it, as the prober saw it at the far end.
CREATE TABLE probe_results (
    organization_id uuid PRIMARY KEY REFERENCES organizations ON DELETE CASCADE,
    tried_at        timestamptz NOT NULL,
    shown_at        timestamptz,                -- the last that came through
    seconds         real,                       -- from the press to the screen, of that
    missing_since   timestamptz,                -- of those that came not, the first since then
    misses          integer NOT NULL DEFAULT 0, -- in a row
    stopped_at      text                        -- connect, welcome, publish, stored, shown
);

-- What the audit found wrong with ourselves. A row is one stretch; it is on while `ended_at` is NULL.
CREATE TABLE audit_findings (
    id              uuid PRIMARY KEY,
    code            text NOT NULL,
    subject         text NOT NULL DEFAULT '',   -- of which thing: an alert, a station, a worker
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,   -- whose screens are told; NULL: all
    grave           boolean NOT NULL,           -- a press might not reach a person
    message         text NOT NULL,              -- for operators, in Chinese
    detail          text NOT NULL,              -- for engineers
    first_seen_at   timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    ended_at        timestamptz
);
CREATE UNIQUE INDEX audit_findings_on ON audit_findings (code, subject) WHERE ended_at IS NULL;
CREATE INDEX audit_findings_ended ON audit_findings (ended_at) WHERE ended_at IS NOT NULL;

-- A day of Beijing's presses, reconciled; made anew while late ones may still fill a gap.
CREATE TABLE press_ledger (
    day         date PRIMARY KEY,
    unaccounted integer NOT NULL,
    figures     jsonb NOT NULL,
    made_at     timestamptz NOT NULL
);

-- What response reports read: moves of a period. Raising an alert writes none of these, so no press waits for it.
CREATE INDEX alert_timeline_moves ON alert_timeline (alert_id, kind, at)
    WHERE kind IN ('acknowledged', 'dispatched', 'arrived', 'resolved', 'worsened', 'cancelled');

INSERT INTO retention (name, keep) VALUES ('audit_findings', '1095 days');
