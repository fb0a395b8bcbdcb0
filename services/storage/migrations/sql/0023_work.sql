-- The platform's other work: visits, medicines, commands to devices, beds of care homes.

-- Visits (巡访) ----------------------------------------------------------------------------------------

-- Who is visited how often. A row without an organisation holds everywhere; an organisation's own row of the same key
-- takes its place there and below.
CREATE TABLE visit_plans (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    key             text NOT NULL CHECK (key ~ '^[a-z_]{1,40}$'),
    name            text NOT NULL,
    -- Care categories or living situations: whoever has one of them is visited by it.
    groups          text[] NOT NULL,
    every           text NOT NULL CHECK (every IN ('week', 'month', 'quarter')),
    -- Whether an overdue visit raises an alert, or only stands in the list.
    raises          boolean NOT NULL DEFAULT true,
    source          text NOT NULL,
    changed_at      timestamptz NOT NULL DEFAULT now(),
    changed_by      text,
    UNIQUE NULLS NOT DISTINCT (organization_id, key)
);
INSERT INTO visit_plans (key, name, groups, every, source) VALUES
    ('safety_net', '兜底保障', '{特困,低保}', 'week', '成都市“十四五”养老服务业发展规划 专栏3：周探访率 100%'),
    ('hardship', '特殊困难', '{低保边缘,失能,半失能,残疾,计划生育特殊家庭,独居,空巢,留守,认知障碍}', 'month',
     '成都市“十四五”养老服务业发展规划 专栏6：月探访率 100%');

-- Whose visit it is: a grid worker's, or whoever's at the station.
CREATE TABLE visit_assignments (
    elder_id    uuid PRIMARY KEY REFERENCES elders ON DELETE CASCADE,
    account_id  uuid NOT NULL REFERENCES accounts,
    assigned_at timestamptz NOT NULL DEFAULT now(),
    assigned_by uuid REFERENCES accounts
);
CREATE INDEX visit_assignments_account ON visit_assignments (account_id);

CREATE TABLE visits (
    id              uuid PRIMARY KEY,            -- made by the telephone: sent twice, it is kept once
    elder_id        uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations,
    visitor_id      uuid NOT NULL REFERENCES accounts,
    visitor_name    text NOT NULL,
    visited_at      timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    result          text NOT NULL CHECK (result IN ('met', 'telephone', 'not_met')),
    findings        text,
    concerns        text[] NOT NULL DEFAULT '{}',
    lat             double precision CHECK (lat BETWEEN -90 AND 90),
    lon             double precision CHECK (lon BETWEEN -180 AND 180),
    accuracy        real,
    metres          integer,                     -- from the elder's home, where both are known
    CHECK ((lat IS NULL) = (lon IS NULL))
);
CREATE INDEX visits_elder ON visits (elder_id, visited_at DESC);
CREATE INDEX visits_organization ON visits (organization_id, visited_at);
CREATE INDEX visits_at ON visits (visited_at DESC, id DESC);

CREATE TABLE visit_photos (
    visit_id  uuid NOT NULL REFERENCES visits ON DELETE CASCADE,
    position  smallint NOT NULL CHECK (position BETWEEN 1 AND 3),
    width     integer NOT NULL,
    height    integer NOT NULL,
    bytes     bytea NOT NULL CHECK (octet_length(bytes) <= 716800),   -- JPEG, without what a camera writes into it
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (visit_id, position)
);
CREATE INDEX visit_photos_stored ON visit_photos (stored_at);

-- When each elder of a plan is due: follows from the plans, the records and the visits (alerts/visit_dues.py).
CREATE TABLE visit_dues (
    elder_id        uuid PRIMARY KEY REFERENCES elders ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    plan            text NOT NULL,
    every           text NOT NULL,
    raises          boolean NOT NULL,
    since           date NOT NULL,               -- in the plan since this day of Beijing
    visited_on      date,                        -- met, or spoken to by telephone
    due_on          date NOT NULL,               -- on this day it is still in time
    raised_on       date,                        -- an alert was raised for it
    alert_id        uuid REFERENCES alerts,
    attempts        integer NOT NULL DEFAULT 0,
    not_before      timestamptz NOT NULL DEFAULT '-infinity',
    last_error      text
);
CREATE INDEX visit_dues_due ON visit_dues (due_on, elder_id);
CREATE INDEX visit_dues_organization ON visit_dues (organization_id, due_on, elder_id);
CREATE INDEX visit_dues_alert ON visit_dues (alert_id) WHERE alert_id IS NOT NULL;

-- Medicines (用药提醒) ---------------------------------------------------------------------------------

CREATE TABLE medication_plans (
    id            uuid PRIMARY KEY,
    elder_id      uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    medicine      text NOT NULL,
    dose          text NOT NULL,
    times         time[] NOT NULL CHECK (cardinality(times) BETWEEN 1 AND 8),   -- in Beijing's time
    weekdays      smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}',                -- 1 is Monday
    starts_on     date NOT NULL,
    ends_on       date,
    grace_minutes smallint NOT NULL CHECK (grace_minutes BETWEEN 10 AND 240),
    note          text,
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    made_by       uuid NOT NULL REFERENCES accounts,
    made_by_name  text NOT NULL,
    ended_at      timestamptz,
    ended_by_name text,
    CHECK (ends_on >= starts_on)
);
CREATE INDEX medication_plans_elder ON medication_plans (elder_id);
CREATE INDEX medication_plans_on ON medication_plans (starts_on) WHERE ended_at IS NULL;

-- What an elder is to take at one moment, of however many plans. alerts/domain/medication.py has the states.
CREATE TABLE medication_doses (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    elder_id   uuid NOT NULL REFERENCES elders ON DELETE CASCADE,
    due_at     timestamptz NOT NULL,
    missed_at  timestamptz NOT NULL,             -- from then on it is missed
    items      jsonb NOT NULL,                   -- [{"plan_id", "medicine", "dose"}]
    state      text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'reminded', 'missed', 'told', 'taken', 'ended')),
    reminders  smallint NOT NULL DEFAULT 0,
    next_at    timestamptz,                      -- when something is to be done; null: nothing more
    taken_at   timestamptz,
    taken_by   text,                             -- device, or the name of who said so
    alert_id   uuid REFERENCES alerts,
    attempts   integer NOT NULL DEFAULT 0,
    last_error text,
    UNIQUE (elder_id, due_at)
);
CREATE INDEX medication_doses_next ON medication_doses (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX medication_doses_due ON medication_doses (due_at);
CREATE INDEX events_medication ON events (id) WHERE type = 'medication_taken';

-- Commands to devices ----------------------------------------------------------------------------------

CREATE TABLE device_commands (
    id            uuid PRIMARY KEY,              -- the command_id that the result gives back
    device_id     text NOT NULL REFERENCES devices ON DELETE CASCADE,
    command       text NOT NULL CHECK (command IN ('ring', 'locate', 'measure', 'configure', 'remind')),
    body          jsonb NOT NULL,                -- what is sent beside the name
    asked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_by      uuid REFERENCES accounts,
    asked_by_name text,                          -- null: a schedule asked
    dose_id       uuid REFERENCES medication_doses ON DELETE SET NULL,
    state         text NOT NULL DEFAULT 'asked'
        CHECK (state IN ('asked', 'sent', 'done', 'unsupported', 'failed', 'unanswered')),
    sent_at       timestamptz,
    expires_at    timestamptz NOT NULL,          -- no answer by then is none; one that comes later is kept all the same
    answered_at   timestamptz,
    result        jsonb
);
CREATE INDEX device_commands_device ON device_commands (device_id, id);
CREATE INDEX device_commands_asked ON device_commands (asked_at) WHERE state = 'asked';
CREATE INDEX device_commands_waiting ON device_commands (expires_at) WHERE state IN ('asked', 'sent');
CREATE INDEX device_commands_age ON device_commands (asked_at);

-- Those that are there are of commands that nobody of ours sent.
ALTER TABLE command_results ADD COLUMN matched boolean NOT NULL DEFAULT true;
ALTER TABLE command_results ALTER COLUMN matched SET DEFAULT false;
CREATE INDEX command_results_new ON command_results (id) WHERE NOT matched;

-- Beds of care homes -----------------------------------------------------------------------------------

CREATE TABLE beds (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    building        text NOT NULL,
    room            text NOT NULL,
    bed             text NOT NULL,
    elder_id        uuid UNIQUE REFERENCES elders ON DELETE SET NULL,
    since           timestamptz,                 -- when whoever has it moved in
    UNIQUE (organization_id, building, room, bed)
);
-- The bed in words, beside the address and with it: taking a press in asks for no other table. Kept by trigger.
ALTER TABLE elders ADD COLUMN bed text;

CREATE FUNCTION beds_tell_elders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.elder_id IS NOT NULL
       AND (TG_OP = 'DELETE' OR NEW.elder_id IS DISTINCT FROM OLD.elder_id) THEN
        UPDATE elders SET bed = NULL WHERE id = OLD.elder_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.elder_id IS NOT NULL THEN
        UPDATE elders SET bed = concat_ws(' ', NEW.building,
            NEW.room || CASE WHEN NEW.room ~ '[室房间]$' THEN '' ELSE '室' END,
            NEW.bed || CASE WHEN NEW.bed ~ '[床位]$' THEN '' ELSE '床' END)
        WHERE id = NEW.elder_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER beds_told AFTER INSERT OR UPDATE OR DELETE ON beds
    FOR EACH ROW EXECUTE FUNCTION beds_tell_elders();

-- The rest ---------------------------------------------------------------------------------------------

INSERT INTO alert_rules (type, severity, title) VALUES
    ('visit.overdue',     'yellow', '逾期未巡访'),
    ('medication.missed', 'yellow', '未按时服药');

INSERT INTO retention (name, keep) VALUES
    ('visit_photos',     '730 days'),
    ('medication_doses', '1095 days'),
    ('device_commands',  '365 days');
-- The map's counts are by place.
CREATE INDEX elders_place ON elders (lat, lon) WHERE lat IS NOT NULL;
