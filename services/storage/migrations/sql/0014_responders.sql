-- Who is near and can be at the door before a car is: 网格员, 村医, 志愿者, 社工, 邻居, 低龄健康老人.

-- A responder is an account of the role `responder`, mostly without a password: what they may do is in the links of
-- their notices. Positions are WGS 84.
CREATE TABLE responders (
    account_id      uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations,
    kind            text NOT NULL CHECK (kind IN
                        ('grid_worker', 'village_doctor', 'volunteer', 'neighbour', 'social_worker', 'party_member',
                         'young_elder', 'station_staff', 'other')),
    skills          text[] NOT NULL DEFAULT '{}',
    -- [{"weekdays": [1…7], "from": "08:00", "to": "20:00"}], in Beijing's time; none: always.
    hours           jsonb NOT NULL DEFAULT '[]',
    phone           text NOT NULL,
    lat             double precision CHECK (lat BETWEEN -90 AND 90),
    lon             double precision CHECK (lon BETWEEN -180 AND 180),
    -- Where they were when they last chose to say so.
    seen_lat        double precision CHECK (seen_lat BETWEEN -90 AND 90),
    seen_lon        double precision CHECK (seen_lon BETWEEN -180 AND 180),
    seen_at         timestamptz,
    version         integer NOT NULL DEFAULT 1,
    changed_at      timestamptz NOT NULL DEFAULT now(),
    changed_by      uuid REFERENCES accounts,
    ended_at        timestamptz,
    CHECK ((lat IS NULL) = (lon IS NULL)),
    CHECK ((seen_lat IS NULL) = (seen_lon IS NULL) AND (seen_lat IS NULL) = (seen_at IS NULL))
);
CREATE INDEX responders_organization ON responders (organization_id);
CREATE INDEX responders_home ON responders (lat, lon) WHERE ended_at IS NULL;
CREATE INDEX responders_seen ON responders (seen_lat, seen_lon) WHERE ended_at IS NULL AND seen_lat IS NOT NULL;

-- What those who were asked (notices with why 'responder') said; one row a person and alert. alerts/domain/tasks.py
-- has the table of what follows from what.
CREATE TABLE responder_answers (
    alert_id    uuid NOT NULL REFERENCES alerts,
    account_id  uuid NOT NULL REFERENCES accounts,
    state       text NOT NULL CHECK (state IN ('accepted', 'arrived', 'done', 'declined')),
    answered_at timestamptz NOT NULL,
    accepted_at timestamptz,
    arrived_at  timestamptz,
    done_at     timestamptz,
    note        text,
    -- They were told that it is over.
    told_over   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (alert_id, account_id)
);
-- The first to accept goes, and nobody else: said by the database too.
CREATE UNIQUE INDEX responder_answers_one_goes ON responder_answers (alert_id)
    WHERE state IN ('accepted', 'arrived', 'done');
-- Who is on the way or there, until told that it is over: the busy, and those to be told.
CREATE INDEX responder_answers_going ON responder_answers (account_id)
    WHERE state IN ('accepted', 'arrived') AND NOT told_over;

-- Where an organisation is; where this is not known, the middle of its elders' homes counts.
ALTER TABLE organizations
    ADD COLUMN lat double precision CHECK (lat BETWEEN -90 AND 90),
    ADD COLUMN lon double precision CHECK (lon BETWEEN -180 AND 180),
    -- From so far from home on an elder is away, for all below too; none: what is above says, or 3,000 m.
    ADD COLUMN away_metres integer CHECK (away_metres BETWEEN 100 AND 1000000),
    ADD CONSTRAINT organizations_whole_place CHECK ((lat IS NULL) = (lon IS NULL));

-- The position of an unresolved alert that was last compared with the elder's home, so that none is compared twice.
CREATE TABLE alert_whereabouts (
    alert_id  uuid PRIMARY KEY REFERENCES alerts,
    lat       double precision NOT NULL,
    lon       double precision NOT NULL,
    looked_at timestamptz NOT NULL,
    -- From home; null: nobody knows where that is.
    metres    integer,
    failed    text
);

-- A link to an alert's hand-over sheet, for the crew of the ambulance: short-lived, and taken back by who made it.
CREATE TABLE handover_links (
    id         uuid PRIMARY KEY,
    alert_id   uuid NOT NULL REFERENCES alerts,
    made_by    uuid NOT NULL REFERENCES accounts,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX handover_links_alert ON handover_links (alert_id);
INSERT INTO retention (name, keep) VALUES ('handover_links', '365 days');

-- Service requests (家政预约, 物品代购, 费用代缴, …) have a life of their own, quieter than any alert. Also without a
-- device: by the family, or by whoever takes a call at the station.
ALTER TABLE service_requests
    ALTER COLUMN event DROP NOT NULL,
    ALTER COLUMN device_id DROP NOT NULL,
    ADD COLUMN state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'accepted', 'assigned', 'done', 'withdrawn')),
    ADD COLUMN words text,
    ADD COLUMN asked_by uuid REFERENCES accounts,
    ADD COLUMN asked_by_name text,
    ADD COLUMN holder_id uuid REFERENCES accounts,
    ADD COLUMN holder_name text,
    ADD COLUMN assigned_to text,
    ADD COLUMN rating smallint CHECK (rating BETWEEN 1 AND 5),
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN version integer NOT NULL DEFAULT 1;
CREATE INDEX service_requests_organization ON service_requests (organization_id, id);
CREATE INDEX service_requests_elder ON service_requests (elder_id, id);

CREATE TABLE service_request_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES service_requests,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,
    account_id uuid REFERENCES accounts,
    actor      text,
    note       text,
    body       jsonb NOT NULL,
    version    integer NOT NULL
);
CREATE INDEX service_request_log_request ON service_request_log (request_id, id);
