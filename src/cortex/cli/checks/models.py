"""Is a model's file whole, do its settings hold, can it call tools, does it fit into memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cortex.cli import show
from cortex.cli.checks import Finding
from cortex.core.errors import CortexError
from cortex.models.store import Model, Store


def checks(store: Store, name: str = "", *, loaded: Collection[str] = ()) -> Iterator[Finding]:
    """What is so with each model, or with the one that `name` means. Those that are `loaded` have their memory."""
    for model in [store.find(name)] if name else store.list():
        yield check(store, model, loaded=model.id in loaded)


def check(store: Store, model: Model, *, loaded: bool) -> Finding:
    from cortex.engines.llama.machine import available_memory
    from cortex.models.open import opened

    about = f"Model {model.id}"
    try:
        found = opened(store, model.id)
    except CortexError as error:
        return Finding(about, "bad", error.message, f"pull or import it again, or `cortex models delete {model.id}`")
    free = available_memory()
    need = found.need.total
    if free is not None and need > free and not loaded:
        return Finding(
            about, "bad", f"it needs about {show.size(need)} of memory, and {show.size(free)} are free",
            "`cortex models stop` others; give it a shorter ctx_len; or take a smaller model",
        )  # fmt: skip
    taking = "is loaded" if loaded else f"needs about {show.size(need)}"
    if found.header.embeds:
        return Finding(about, "ok", f"{taking}, context {found.profile.context}, makes embeddings, and no replies")
    says = "; ".join(
        [f"{taking}, context {found.profile.context}, calls as {found.profile.dialect.name}", *found.notes]
    )
    if "tools" not in found.profile.template:
        return Finding(
            about, "warn", f"{says}; its template knows no tools, so it is told of them in words of our own",
            "its calls are valid, but it was hardly trained to choose well: try it, or take another model for tools",
        )  # fmt: skip
    return Finding(about, "ok", says)
