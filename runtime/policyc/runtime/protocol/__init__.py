"""Protocols without I/O: octets in, events out, and back. No socket, clock or policy is known here."""
