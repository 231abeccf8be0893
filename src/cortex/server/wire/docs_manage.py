"""The shapes of the management routes: models kept and fetched, settings, the engine, the machine. Nothing is parsed
here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from cortex.config import SETTINGS
from cortex.models.settings import KEYS
from cortex.server.wire.docs import BODY, READ, MessageReply, Responses, Shape, Warned, error, request

STRING: dict[str, Any] = {"type": "string"}


class Facts(BaseModel):
    """A model on this machine, with its settings and what its file says beside these fields."""

    model_config = ConfigDict(extra="allow")
    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    model: str
    engine: str
    status: Literal["downloaded"]


class Deleted(Shape):
    id: str
    object: Literal["model"]
    deleted: Literal[True]
    message: str


class Handled(Warned):
    result: str
    modelHandle: str
    message: str


class Item(Shape):
    id: str
    downloadUrl: str
    localPath: str
    checksum: str
    bytes: int
    downloadedBytes: int


class Task(Shape):
    id: str
    type: Literal["Model"]
    items: list[Item]


class PullReply(Warned):
    message: str
    task: Task


class StopReply(Warned):
    message: str
    taskId: str


class PullInfo(Warned):
    """`availableModels` can be pulled, `downloadedModels` are here; `defaultBranch` is what a bare name means."""

    id: str
    modelSource: str
    defaultBranch: str
    downloadedModels: list[str]
    availableModels: list[str]
    downloadUrl: str
    message: str


class Configs(BaseModel):
    """All settings by name. Of keys, tokens and passwords only the ends are shown."""


class ConfigReply(Shape):
    message: str
    config: dict[str, Any]


class Engine(Warned):
    engine: str
    name: str
    variant: str
    version: str
    type: Literal["local"]


class Release(Shape):
    name: str
    version: str
    url: str


class Cpu(Shape):
    arch: str
    cores: int
    model: str
    usage: float
    instructions: list[str]


class System(Shape):
    name: str
    version: str


class Room(Shape):
    """`ram` is in MiB, `storage` in GiB."""

    total: int
    available: int
    type: str


class Power(Shape):
    battery_life: int
    charging_status: str
    is_power_saving: bool


class GpuDetails(Shape):
    driver_version: str
    compute_cap: str


class Gpu(Shape):
    """Memory is in MiB."""

    id: str
    name: str
    version: str
    total_vram: int
    free_vram: int
    uuid: str
    activated: bool
    vendor: str
    additional_information: GpuDetails


class Hardware(Shape):
    cpu: Cpu
    os: System
    ram: Room
    storage: Room
    gpus: list[Gpu]
    power: Power


class Activated(Warned):
    message: str
    activated_gpus: list[int]


class SourceModel(Shape):
    id: str
    size: int


class Source(Shape):
    id: str
    author: str
    models: list[SourceModel]
    metadata: dict[str, Any]


class Sources(Shape):
    data: list[Source]


class Names(Shape):
    data: list[str]


_PLACE: Responses = {
    409: error("Somebody stopped it, or it is being changed."),
    502: error("No source can be reached."),
    507: error("The disk is too full."),
}


def replies(shape: type[BaseModel] | Any, about: str = "It is so.") -> Responses:
    """Of a route without a body."""
    return {200: {"model": shape, "description": about}, **READ, 400: BODY[400], 503: BODY[503]}


def taking(shape: type[BaseModel] | Any, about: str = "It is so.") -> Responses:
    """Of a route with one."""
    return {200: {"model": shape, "description": about}, **BODY, **READ}


def refusals() -> Responses:
    """Of a route that is only there to say what replaces it."""
    return {status: reply for status, reply in READ.items() if status != 500}


FETCHING: Responses = {**taking(PullReply, "It runs; `/events` tells how far it is."), **_PLACE}
INFO: Responses = {**taking(PullInfo, "What the name may mean."), **_PLACE}
MESSAGE: Responses = replies(MessageReply)


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return request({"type": "object", "required": list(required), "properties": properties})


PULL = _object(("model",), model=STRING, id={"type": "string", "description": "The id that it shall have."})
STOP_PULL = _object(("taskId",), taskId=STRING)
INFO_OF = _object(("model",), model=STRING)
IMPORT = _object(
    ("model", "modelPath"),
    model=STRING,
    modelPath={"type": "string", "description": "A GGUF file on the server's machine."},
    option={"enum": ["symlink", "copy"]},
)
SOURCE = _object(("source",), source=STRING)
_JSON = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
SETTINGS_OF_A_MODEL = request(
    {
        "type": "object",
        "properties": {key: {"type": [*(_JSON[kind] for kind in kinds), "null"]} for key, kinds in KEYS.items()},
    }
)
CONFIGS = request(
    {
        "type": "object",
        "properties": {
            each.name: {"description": f"{each.about}. Must be {each.kind.what}."} for each in SETTINGS if each.live
        },
    }
)
GPUS = _object(("gpus",), gpus={"type": "array", "items": {"type": "integer", "minimum": 0}})
VERSION = {**_object((), version=STRING, variant=STRING)}
VERSION["requestBody"] = {**VERSION["requestBody"], "required": False}
