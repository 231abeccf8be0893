"""The command line: words to values, values to words. Never serves, never loads a model itself."""
