-- Where channels lead, sealed by keys that are not in the database: an address, a number, a secret is all that it takes
-- to speak there. What is plain from before there were keys is sealed by `anhu upkeep`.
ALTER TABLE channels ALTER COLUMN target DROP NOT NULL;
ALTER TABLE channels
    ADD COLUMN target_sealed bytea,                           -- of the same JSON, in place of `target`
    ADD CHECK (num_nonnulls(target, target_sealed) = 1);
CREATE INDEX channels_plain ON channels (id) WHERE target_sealed IS NULL;
COMMENT ON COLUMN channels.fingerprint IS 'of a sealed target a keyed hash: a number would be found by trying them all';
COMMENT ON COLUMN channels.service IS 'of a sealed number or address the name of the gateway: its ends are made of it';
