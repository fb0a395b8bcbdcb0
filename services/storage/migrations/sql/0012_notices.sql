-- Who is to be told of an alert: a row a person and reason, in the commit of the change that is the reason.
-- What decides writes notices; what delivers reads them, by whatever channels their person has.

-- Responders (网格员, 村医, 志愿者, neighbours) are accounts of people: told as others are, often without a password.
ALTER TABLE accounts DROP CONSTRAINT accounts_role_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_role_check
    CHECK (role IN ('administrator', 'supervisor', 'operator', 'responder', 'caregiver', 'auditor'));

CREATE TABLE notices (
    id         uuid PRIMARY KEY,
    alert_id   uuid NOT NULL REFERENCES alerts,
    account_id uuid NOT NULL REFERENCES accounts,
    -- What makes a repeat a repeat, for us and for the receiver: nobody is told twice under one key.
    key        text NOT NULL,
    why        text NOT NULL,
    severity   text NOT NULL CHECK (severity IN ('red', 'orange', 'yellow', 'blue')),   -- as it was then
    asked_at   timestamptz NOT NULL,
    UNIQUE (account_id, key)
);
CREATE INDEX notices_alert ON notices (alert_id, asked_at);
