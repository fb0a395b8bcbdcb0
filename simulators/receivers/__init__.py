"""Services by which people are reached, as far as we can tell they behave: for testers, and for tests."""
