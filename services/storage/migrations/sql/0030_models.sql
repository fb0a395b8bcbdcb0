-- What is known of a model of devices: what it measures and says, how often, which decoder reads it, and what it is
-- set to. docs/devices.md, "Models".
CREATE TABLE device_models (
    model         text PRIMARY KEY CHECK (char_length(model) BETWEEN 1 AND 64),   -- as devices.model has it
    maker         text,
    kind          text NOT NULL CHECK (kind ~ '^[a-z0-9_]{1,64}$'),
    decoder       text,                         -- a family of gateway/decoders/registry.py; null: nobody said
    measures      text[] NOT NULL DEFAULT '{}', -- fields of readings
    says          text[] NOT NULL DEFAULT '{}', -- types of events
    every_seconds integer CHECK (every_seconds BETWEEN 30 AND 86400),         -- between two reports; null: as its kind
    settings      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),   -- what `configure` sends
    note          text,
    changed_at    timestamptz NOT NULL DEFAULT now()
);
-- A spreadsheet's ws101 is a WS101.
CREATE UNIQUE INDEX device_models_word ON device_models (lower(model));
CREATE INDEX devices_model ON devices (lower(model)) WHERE model IS NOT NULL;
CREATE INDEX changes_recent ON changes (subject, id);

INSERT INTO device_models (model, maker, kind, decoder, measures, says, note) VALUES
    ('WS101', 'Milesight', 'emergency_button', 'chirpstack', '{battery}', '{sos}',
     'LoRaWAN；短按、长按、双击都是求助'),
    ('VS373', 'Milesight', 'fall_detector', 'chirpstack', '{in_bed,respiratory_rate}', '{fall,bed_out}',
     'LoRaWAN，也可经 Wi-Fi（解码器 milesight）'),
    ('T1000-A', 'SenseCAP', 'emergency_button', 'chirpstack', '{lat,lon,battery}', '{sos}',
     'LoRaWAN 定位卡片，带求助键');

CREATE TRIGGER device_models_made AFTER INSERT ON device_models REFERENCING NEW TABLE AS is_now
    FOR EACH STATEMENT EXECUTE FUNCTION keep_changes('model', 'model', 'created', 'n.model = o.model', 'deleted');
CREATE TRIGGER device_models_changed AFTER UPDATE ON device_models REFERENCING OLD TABLE AS was NEW TABLE AS is_now
    FOR EACH STATEMENT EXECUTE FUNCTION keep_changes('model', 'model', 'created', 'n.model = o.model', 'deleted');
CREATE TRIGGER device_models_gone AFTER DELETE ON device_models REFERENCING OLD TABLE AS was
    FOR EACH STATEMENT EXECUTE FUNCTION keep_changes('model', 'model', 'created', 'n.model = o.model', 'deleted');

-- Whose habit is not learned yet is expected to do as the model does from the next look on.
CREATE FUNCTION model_told() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    word text := lower(CASE WHEN TG_OP = 'DELETE' THEN old.model ELSE new.model END);
BEGIN
    UPDATE device_expectations e SET learn_at = to_timestamp(0)
    FROM devices d WHERE d.key = e.device_key AND lower(d.model) = word AND e.learned_from = 0;
    RETURN NULL;
END $$;
CREATE TRIGGER device_models_told AFTER INSERT OR UPDATE OR DELETE ON device_models
    FOR EACH ROW EXECUTE FUNCTION model_told();
