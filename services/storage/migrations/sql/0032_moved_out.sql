-- Whoever moves to another organisation, by whatever way, leaves their bed: a camera of its room and the words of it on
-- an alert are of those who live there.
CREATE FUNCTION elder_moved_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE beds SET elder_id = NULL, since = NULL WHERE elder_id = new.id AND organization_id <> new.organization_id;
    RETURN NULL;
END $$;
CREATE TRIGGER elders_moved_out AFTER UPDATE OF organization_id ON elders
    FOR EACH ROW WHEN (old.organization_id IS DISTINCT FROM new.organization_id) EXECUTE FUNCTION elder_moved_out();
