"""A model of the store -> what is known of it, for people: its settings and what its file says. Loads no weights."""

from __future__ import annotations

import re
from typing import Any

from cortex import dialects
from cortex.core.profile import Profile
from cortex.models import gguf
from cortex.models.gguf import Header
from cortex.models.open import Opened, profiled
from cortex.models.settings import settings
from cortex.models.store import Model


def describe(model: Model) -> dict[str, Any]:
    """JSON-ready; the settings' keys are those of `model.yml`. `BadRequest` where the file is gone or broken."""
    header, wanted = gguf.read(model.path), settings(model.settings)
    profile, notes = profiled(model.id, header, wanted)
    memory = Opened(model, model.path, header, wanted, profile).need.total
    return {
        "id": model.id,
        "model": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "",
        "aliases": list(model.aliases),
        "files": [str(path) for path in model.files],
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
        "tools": tools(header, profile),
        "recommendation": {"cpu_mode": {"ram": memory >> 20}, "gpu_mode": []},  # MiB, as in the original
        "notes": [*notes, *([model.fault] if model.fault else [])],
        "chat_template": profile.template,
    }


def tools(header: Header, profile: Profile) -> dict[str, Any]:
    """Whether the model can call tools here (`work`), and `how`, in words."""
    name, own = profile.dialect.name, dialects.detect(profile.template).name
    if header.embeds:
        return {"work": False, "how": "it makes embeddings, and no replies"}
    if name != dialects.FALLBACK:
        chosen = "its own notation" if name == own else "the notation that was chosen for it"
        return {"work": True, "how": f"in {chosen}, {name}"}
    if own != dialects.FALLBACK:
        why = f"this serves it better than {own}, which its chat template asks for"
    elif re.search("tools|tool_calls", profile.template):
        why = "the notation that its chat template asks for is not known"
    else:
        why = "its chat template knows no tools"
    return {"work": True, "how": f"by instructions of ours, as a list in JSON: {why}"}
