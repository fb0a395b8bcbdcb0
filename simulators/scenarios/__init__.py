"""Scenario files that come with the simulators."""
