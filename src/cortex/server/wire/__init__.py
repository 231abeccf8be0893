"""One API's JSON <-> the core's values. Pure: no I/O, no clock, no randomness of its own."""
