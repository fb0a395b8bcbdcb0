-- Rules that want no look for a while: what began at ten and has to last for ten minutes is not raised before ten past.

ALTER TABLE rule_subjects
    -- Versions of rules that want no look before an instant, as {"until": "…", "rules": [["id", 1]]}.
    ADD quiet jsonb;
ALTER TABLE device_limits
    -- For samples from before `quiet_until`, in place of `limits`.
    ADD quiet       jsonb,
    ADD quiet_until timestamptz,
    ADD CHECK ((quiet IS NULL) = (quiet_until IS NULL));
