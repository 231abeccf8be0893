"""A model of the store -> everything that is needed to run it and to talk to it. Never loads weights."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from cortex import dialects
from cortex.config.paths import absolute
from cortex.core.dialect import Dialect
from cortex.core.errors import BadRequest, LoadError, NotFound
from cortex.core.load import Load
from cortex.core.profile import Profile
from cortex.core.repair import repair
from cortex.models import gguf, modelfile
from cortex.models.catalogue import builtin
from cortex.models.gguf import Header
from cortex.models.memory import Need, cells, need
from cortex.models.settings import Settings, settings
from cortex.models.store import Model, Store

log = logging.getLogger(__name__)

CONTEXT = 8192  # unless the model's settings say otherwise: memory for a context is taken when a model is loaded

# For files that carry no template. ChatML is what most of them were trained on.
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """`path`, `settings` and `profile.context` are what an engine's `Load` is made of. `notes` are for the log: what
    was wrong with the file and was put right. `draft` is a small model that guesses for it, and what its file says."""

    model: Model
    path: Path
    header: Header
    settings: Settings
    profile: Profile
    notes: tuple[str, ...] = ()
    draft: tuple[Model, Header] | None = None

    @property
    def need(self) -> Need:
        """What memory it will take, its small model included."""
        own = self._need(self.model, self.header)
        return own + self._need(*self.draft) if self.draft else own

    def _need(self, model: Model, header: Header) -> Need:
        return need(
            header.shape,
            max(header.size, model.size),
            context=self.profile.context,
            parallel=self.settings.parallel,
            cache_type=self.settings.cache_type,
            flash=self.settings.flash_attention,
        )

    @property
    def load(self) -> Load:
        """How its engine is started."""
        wanted, extra = self.settings, dict[str, Any]()
        if wanted.engine == "llama":
            extra |= {"cells": cells(self.profile.context, wanted.parallel), "cache_type": wanted.cache_type}
            extra |= {"flash_attention": wanted.flash_attention}
            extra |= {"draft_model": str(self.draft[0].path)} if self.draft else {}
        return Load(
            path=str(self.path),
            engine=wanted.engine,
            context=self.profile.context,
            parallel=wanted.parallel,
            gpu_layers=wanted.gpu_layers,
            threads=wanted.threads,
            extra=extra or None,
        )


def opened(store: Store, id: str, wanted: Settings | None = None) -> Opened:
    """The model with this id, its file read anew. `wanted` takes the place of its own settings.

    Raises `NotFound` for an unknown id and `LoadError` for a file that is gone or broken.
    """
    model = store.get(id)
    header = _header(model)
    wanted = wanted or settings(model.settings)
    profile, notes = profiled(model.id, header, wanted)
    if unheard := modelfile.unheard(store.modelfile(model)):
        notes = (*notes, f"its model.yml asks for what has no effect here: {', '.join(unheard)}")
    for note in notes:
        _log_once(model.id, note)
    return Opened(model, model.path, header, wanted, profile, notes, _draft(store, model, wanted))


def profiled(name: str, header: Header, wanted: Settings) -> tuple[Profile, tuple[str, ...]]:
    """What the pure half has to know of a model, and notes of what was put right."""
    template, notes = _template(header, wanted)
    profile = Profile(
        name=name,
        template=template,
        dialect=dialect(header, wanted, template),
        specials=header.specials,
        bos=header.bos,
        eos=header.eos,
        context=_context(header, wanted.context),
        tool_prompt=_file(wanted.tool_prompt) if wanted.tool_prompt else None,
    )
    return profile, notes


def dialect(header: Header, wanted: Settings, template: str) -> Dialect:
    """The dialect that the settings name; for "auto" the catalogue's for such files, else what the template speaks."""
    if wanted.dialect != "auto":
        return dialects.find(wanted.dialect)
    known = builtin().dialect(header)
    return dialects.find(known) if known else dialects.detect(template)


def speaking(profile: Profile, name: str) -> Profile:
    """The profile with the dialect of this name; "" is its own."""
    try:
        return replace(profile, dialect=dialects.find(name)) if name else profile
    except NotFound as error:  # it is a field of a request, not a resource
        raise BadRequest(error.message, param="dialect") from error


def _draft(store: Store, model: Model, wanted: Settings) -> tuple[Model, Header] | None:
    """The small model that the settings name."""
    if not wanted.draft_model:
        return None
    try:
        small = store.find(wanted.draft_model)
    except (NotFound, BadRequest) as error:  # the client who named the large one did nothing wrong
        raise LoadError(f"the draft_model of {model.id}: {error.message}") from error
    return small, _header(small)


def _header(model: Model) -> Header:
    if model.fault:
        raise LoadError(model.fault)
    if not model.path.exists():
        raise LoadError(
            f"the file of {model.id} is gone: {model.path}. Pull or import it again, or remove it with "
            f"`cortex models delete {model.id}`."
        )
    try:
        return gguf.read(model.path)
    except BadRequest as error:  # the client who named the model did nothing wrong
        raise LoadError(error.message) from error


def _template(header: Header, wanted: Settings) -> tuple[str, tuple[str, ...]]:
    """The chat template, and notes. One that the owner gave is taken as it is."""
    if wanted.template:
        return _file(wanted.template), ()
    if not header.template:
        return CHATML, ("the file has no chat template; ChatML is used",)
    template, note = repair(header.template)
    return template, (note,) if note else ()


def _context(header: Header, wanted: int | None) -> int:
    most = header.context or CONTEXT
    return min(wanted or CONTEXT, most)


def _file(path: str) -> str:
    try:
        return absolute(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # no such file, no text, no path
        raise LoadError(
            f"{path}, named in the model's settings, cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error


@cache
def _log_once(id: str, note: str) -> None:
    log.warning("%s: %s", id, note)
