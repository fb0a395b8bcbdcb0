-- Who is to be told of an elder's alert is looked for by the elder, at each raise: not by reading all bindings.
CREATE INDEX account_elders_elder ON account_elders (elder_id);
