"""What the bytes of LoRaWAN devices say, by maker. Pure; the envelopes are in chirpstack.py and thethingsstack.py."""
