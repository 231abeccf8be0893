"""How one model is to be run, as its owner set it: checked values. Never knows where they are kept.

The keys are those of the original's `model.yml` and of its `/v1/models/start`; `dialect`, `template`, `tool_prompt`,
`keep_alive` and `draft_model` are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cortex import dialects
from cortex.config.kinds import DURATION, duration
from cortex.config.table import BOUNDS, CACHE_TYPES
from cortex.core.chat import COUNTS, NUMBERS, Sampling
from cortex.core.errors import BadRequest

# The keys of model.yml, with the types that they take.
KEYS: dict[str, tuple[type[Any], ...]] = {
    "engine": (str,),
    "ctx_len": (int,),
    "n_parallel": (int,),
    "ngl": (int,),
    "cpu_threads": (int,),
    "cache_type": (str,),
    "flash_attn": (bool,),
    "keep_alive": (int, float, str),
    "draft_model": (str,),
    "dialect": (str,),
    "template": (str,),
    "tool_prompt": (str,),
    "temperature": (int, float),
    "top_p": (int, float),
    "top_k": (int,),
    "min_p": (int, float),
    "seed": (int,),
    "frequency_penalty": (int, float),
    "presence_penalty": (int, float),
    "repeat_penalty": (int, float),
    "repeat_last_n": (int,),
    "typ_p": (int, float),
    "min_keep": (int,),
    "dynatemp_range": (int, float),
    "dynatemp_exponent": (int, float),
    "mirostat": (bool, int),
    "mirostat_tau": (int, float),
    "mirostat_eta": (int, float),
    "penalize_nl": (bool,),
    "max_tokens": (int,),
    "stop": (list,),
}
SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "seed", "frequency_penalty", "presence_penalty", "repeat_penalty",
    "repeat_last_n", "typ_p", "min_keep", "dynatemp_range", "dynatemp_exponent", "mirostat", "mirostat_tau",
    "mirostat_eta", "penalize_nl",
)  # fmt: skip
RANGED = ("typ_p", "min_keep", "dynatemp_range", "dynatemp_exponent", "mirostat", "mirostat_tau", "mirostat_eta")
SPANS = {key: span for key, span in {**NUMBERS, **COUNTS}.items() if key in RANGED}
LOADING = ("ctx_len", "n_parallel", "ngl", "cpu_threads", "cache_type", "flash_attn", "keep_alive")  # how it is loaded
DEFAULT = -1.0  # seconds that nobody can ask for
POSITIVE = ("ctx_len", "n_parallel", "max_tokens")


@dataclass(frozen=True, slots=True)
class Settings:
    """One model's settings. `context` (tokens a request) None means the smaller of 8192 and the model's own.

    `cache_type` is what numbers the KV cache has; `flash_attention` None leaves it to llama.cpp. `keep_alive` is how
    many seconds the model stays loaded without work (None: for ever), DEFAULT what the configuration says.
    `draft_model` names a small model of the same vocabulary on this machine, which guesses what this one says.

    `dialect` is "auto" or a dialect's name. `template` is the path of a Jinja file that replaces the model's own chat
    template, `tool_prompt` the path of a text file that replaces our tool instructions. `sampling`, `max_tokens` and
    `stop` hold for requests that do not say otherwise.
    """

    engine: str = "llama"
    context: int | None = None
    parallel: int = 4
    gpu_layers: int = -1
    threads: int = 0
    cache_type: str = "f16"
    flash_attention: bool | None = None
    keep_alive: float | None = DEFAULT
    draft_model: str = ""
    dialect: str = "auto"
    template: str | None = None
    tool_prompt: str | None = None
    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


# The original's names for the same engine.
ENGINES = {"llama-cpp": "llama", "cortex.llamacpp": "llama"}


def settings(values: Mapping[str, Any]) -> Settings:
    """The settings that `values` (keys as in `model.yml`) ask for. `BadRequest` names a key that it does not know."""
    known = check(values)
    drawn = {key: known[key] for key in SAMPLING if key in known}
    if drawn.get("seed", 0) < 0:  # the original's word for "draw one"
        drawn["seed"] = None
    drawn["mirostat"] = int(drawn.get("mirostat", 0))  # the original wrote `false` for none
    engine = known.get("engine", "llama")
    return Settings(
        engine=ENGINES.get(engine, engine),
        context=known.get("ctx_len"),
        parallel=known.get("n_parallel", 4),
        gpu_layers=known.get("ngl", -1),
        threads=known.get("cpu_threads", 0),
        cache_type=known.get("cache_type", "f16"),
        flash_attention=known.get("flash_attn"),
        keep_alive=duration(known["keep_alive"]) if "keep_alive" in known else DEFAULT,
        draft_model=known.get("draft_model", ""),
        dialect=known.get("dialect", "auto"),
        template=known.get("template"),
        tool_prompt=known.get("tool_prompt"),
        sampling=Sampling(**drawn),
        max_tokens=known.get("max_tokens"),
        stop=tuple(known.get("stop", ())),
    )


def checked(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """These settings, which a request asked for this once. `BadRequest` for what cannot be."""
    return check(
        {key: int(value) if isinstance(value, float) and value.is_integer() else value for key, value in values.items()}
    )


def check(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without the keys that are None. `BadRequest` or `NotFound` for what cannot be set."""
    given = {key: value for key, value in values.items() if value is not None}
    for key, value in given.items():
        _check(key, value)
    return given


def _check(key: str, value: Any) -> None:
    if key not in KEYS:
        raise BadRequest(f"{key} is not a setting of a model; there are: {', '.join(KEYS)}", param=key)
    if (isinstance(value, bool) and bool not in KEYS[key]) or not isinstance(value, KEYS[key]):
        raise BadRequest(f"{key} must be {_words(KEYS[key])}, not {value!r}", param=key)
    low, high = SPANS.get(key) or BOUNDS.get(key, (-(2**63), 2**63))
    if (isinstance(value, int) or key in SPANS) and not low <= value <= high:
        raise BadRequest(f"{key} must be from {low} to {high}, not {value!r}", param=key)
    if key in POSITIVE and value < 1:
        raise BadRequest(f"{key} must be 1 or more, not {value!r}", param=key)
    if key == "cache_type" and value not in CACHE_TYPES:
        raise BadRequest(f"cache_type must be one of {', '.join(CACHE_TYPES)}, not {value!r}", param=key)
    if key == "keep_alive":
        _check_duration(value)
    if key == "dialect" and value != "auto":
        dialects.find(value)
    if key == "stop" and not all(isinstance(item, str) for item in value):
        raise BadRequest(f"stop must be a list of texts, not {value!r}", param=key)


def _check_duration(value: Any) -> None:
    try:
        duration(value)
    except ValueError:
        raise BadRequest(f"keep_alive must be {DURATION.what}, not {value!r}", param="keep_alive") from None


def _words(types: tuple[type[Any], ...]) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", list: "a list of texts"}
    return names[types[-1]]
