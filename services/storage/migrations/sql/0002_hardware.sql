-- Hardware that is known elsewhere by another name; what quarantine needs to be replayed.

-- Which device a piece of hardware is, by its name in the source it comes from: an EUI, an IEEE address, a friendly name.
CREATE TABLE device_hardware (
    source      text NOT NULL,                  -- its name in the sources file
    hardware_id text NOT NULL CHECK (hardware_id <> ''),
    device_id   text NOT NULL REFERENCES devices ON DELETE CASCADE,
    PRIMARY KEY (source, hardware_id)
);
CREATE INDEX device_hardware_device ON device_hardware (device_id);

ALTER TABLE quarantine
    ADD COLUMN source      text,                -- NULL is native
    -- Set when somebody had it decoded again: by when, and what came of it.
    ADD COLUMN replayed_at timestamptz,
    ADD COLUMN replay      text CHECK (replay IN ('taken', 'refused', 'kept_short'));
