"""A package, not a bare folder: gmqtt's wheel brings a top-level package of this name, which would be found instead."""
