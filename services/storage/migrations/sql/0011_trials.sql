-- Rules that are tried on stored history before anybody trusts them: asked over HTTP, run beside `anhu alerts`.

CREATE TABLE rule_trials (
    id            uuid PRIMARY KEY,
    definition    jsonb NOT NULL,               -- as alerts.domain.rules.definition writes it, without id and version
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    -- What the asker reached when they asked: it is about nobody else, and only for those who reach all of it.
    organizations uuid[] NOT NULL,
    asked_by      uuid NOT NULL REFERENCES accounts,
    asked_by_name text NOT NULL,                -- as it was then
    asked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'stopped')),
    progress      real NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    attempts      integer NOT NULL DEFAULT 0,
    -- Whoever runs it says so each second; who has not for a while is dead, and another one begins it again.
    noted_at      timestamptz,
    error         text,                         -- for operators
    -- As alerts.backtest makes it; elders and organisations by their ids, so that who looks is asked whom they reach.
    result        jsonb,
    CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '744 hours'),
    CHECK ((state = 'done') = (result IS NOT NULL)),
    CHECK ((state = 'failed') = (error IS NOT NULL))
);
CREATE INDEX rule_trials_open ON rule_trials (asked_at) WHERE state IN ('waiting', 'running');
CREATE INDEX rule_trials_asked ON rule_trials (asked_at);

-- They say how people were: not for long.
INSERT INTO retention (name, keep) VALUES ('rule_trials', '30 days');
