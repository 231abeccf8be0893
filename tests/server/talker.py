"""A model for tests whose file is a script: JSON with the keys of `Load.extra` of the scripted engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from cortex import dialects
from cortex.core.profile import Profile
from cortex.engines.base import Engine, Load, Progress
from cortex.engines.scripted import Scripted
from cortex.models.gguf import Header
from cortex.models.open import CHATML, Opened
from cortex.models.settings import Settings, settings
from cortex.models.store import Model, Store

HEADER = Header("test", "", "", "", "", 0, 8192, 0, "", {}, "", "", 0, "")


def engine(load: Load, progress: Progress) -> Engine:
    return Scripted(replace(load, extra=json.loads(Path(load.path).read_text())), progress)


def add(store: Store, id: str, **script: object) -> Model:
    path = store.folder / f"{id}.script"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(script))
    return store.add(Model(id, path, path.stat().st_size, "test", settings={"engine": "talker:engine"}))


def opened(store: Store, id: str, wanted: Settings | None = None) -> Opened:
    """What `cortex.models.open.opened` gives, without a GGUF file."""
    model = store.get(id)
    wanted = wanted or settings(model.settings)
    profile = Profile(id, CHATML, dialects.find("hermes"), specials={}, context=wanted.context or 8192)
    return Opened(model, model.path, HEADER, wanted, profile)
