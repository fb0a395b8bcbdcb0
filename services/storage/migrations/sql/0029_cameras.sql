-- Cameras of the operator's video platform, bound to a room of a care home or of an elder's own home.

CREATE TABLE cameras (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations,
    building        text,
    room            text NOT NULL,
    elder_id        uuid REFERENCES elders ON DELETE CASCADE,
    name            text NOT NULL,
    link_sealed     bytea NOT NULL,             -- where it is seen: such links carry passwords
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (CASE WHEN elder_id IS NULL THEN organization_id IS NOT NULL AND building IS NOT NULL
                ELSE organization_id IS NULL AND building IS NULL END)
);
CREATE INDEX cameras_room ON cameras (organization_id, building, room) WHERE elder_id IS NULL;
CREATE INDEX cameras_elder ON cameras (elder_id) WHERE elder_id IS NOT NULL;
