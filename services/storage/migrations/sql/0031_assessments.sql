-- The scoring form behind an ability level (GB/T 42195-2022): points of each item and what made the level worse.
-- Null: only the result is known.
ALTER TABLE ability_assessments
    ADD COLUMN form jsonb CHECK (form IS NULL OR jsonb_typeof(form -> 'points') = 'object' AND score IS NOT NULL);
