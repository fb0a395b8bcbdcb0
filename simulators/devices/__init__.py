"""What each kind of device measures: pure functions of a seed, a device and a time."""
