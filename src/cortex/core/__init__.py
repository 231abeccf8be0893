"""The pure half: what was asked, what a model may say, what it said. No I/O, no clock, no randomness."""
