"""Cortex: a local LLM server whose tool calls are always right in form."""

__version__ = "2.0.0"
