"""Virtual devices over real MQTT. Imports nothing of the system it stands before: see README.md."""
