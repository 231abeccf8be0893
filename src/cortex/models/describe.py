"""A model of the store -> what is known of it, for people: its settings and what its file says. Loads no weights."""

from __future__ import annotations

from typing import Any

from cortex.models import gguf
from cortex.models.open import profiled
from cortex.models.settings import settings
from cortex.models.store import Model


def describe(model: Model) -> dict[str, Any]:
    """JSON-ready; the settings' keys are those of `model.yml`. `BadRequest` where the file is gone or broken."""
    header = gguf.read(model.path)
    profile, notes = profiled(model.id, header, settings(model.settings))
    return {
        "id": model.id,
        "model": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "",
        "files": [str(model.path)],
        "size": model.size,
        "source": model.source,
        "sha256": model.sha256,
        "engine": "llama-cpp",
        **model.settings,
        "name": header.name or model.id,
        "architecture": header.architecture,
        "size_label": header.size_label,
        "parameters": header.parameters,
        "quantization": header.quantisation,
        "license": header.licence,
        "context_length": header.context,
        "ctx_len": profile.context,
        "blocks": header.blocks,
        "dialect": profile.dialect.name,
        "notes": list(notes),
        "chat_template": profile.template,
    }
