-- Sign-in by an OpenID Connect provider, beside passwords.

-- Who of the provider somebody is here. One of them for an account: another one is not taken for the same person.
CREATE TABLE account_subjects (
    account_id    uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    issuer        text NOT NULL,
    subject       text NOT NULL,
    bound_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    bound_by_name text NOT NULL,                -- an administrator, or the claim that matched
    PRIMARY KEY (issuer, subject),
    UNIQUE (account_id, issuer)
);

-- Those on their way to the provider and back. What is random is kept as a hash, but for what is sent to the provider.
CREATE TABLE oidc_tries (
    state_hash   bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,                -- of a cookie: whoever comes back is who went
    nonce        text NOT NULL,
    verifier     text NOT NULL,
    back         text NOT NULL,                 -- the page that they came from
    begun_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX oidc_tries_begun ON oidc_tries (begun_at);

-- Those who are back: the page that they came from takes the tokens, once.
CREATE TABLE oidc_tickets (
    ticket_hash  bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    factor       boolean NOT NULL,              -- the provider asked for a second one
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX oidc_tickets_made ON oidc_tickets (made_at);

ALTER TABLE sessions ADD COLUMN factor_elsewhere boolean NOT NULL DEFAULT false;
