"""The HTTP server: OpenAI's API and Cortex's own routes. It never decides what a model says."""
