"""`cortex hardware ...`: what this machine has. Needs the server only to choose GPUs; one that runs knows which are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from cortex.cli import show
from cortex.cli.help import SHAPE, Commands
from cortex.cli.misuse import Misuse
from cortex.cli.state import Json, State, state

app = typer.Typer(
    name="hardware",
    cls=Commands,
    help="What this machine has to run models on.",
    epilog="Example: cortex hardware list",
    **SHAPE,
)

Row = Sequence[object]

# The parts, with the titles and columns that the original drew.
PARTS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "cpu": ("CPU Information", ("#", "Arch", "Cores", "Model", "Usage", "Instructions")),
    "os": ("OS Information", ("#", "Version", "Name")),
    "ram": ("RAM Information", ("#", "Total (MiB)", "Available (MiB)")),
    "gpu": (
        "GPU Information",
        (
            *("#", "GPU ID", "Name", "Version", "Total (MiB)", "Available (MiB)", "Driver Version"),
            *("Compute Capability", "Activated"),
        ),
    ),
    "storage": ("Storage Information", ("#", "Total (GiB)", "Available (GiB)")),
    "power": ("Power Information", ("#", "Battery Life", "Charging Status", "Power Saving")),
    "monitors": ("Monitor Information", ("#", "Name")),
}


@app.command("list", epilog="Example: cortex hardware list --cpu --ram")
def list_hardware(
    context: typer.Context,
    cpu: Annotated[bool, typer.Option("--cpu", help="Show the CPU.")] = False,
    os: Annotated[bool, typer.Option("--os", help="Show the operating system.")] = False,
    ram: Annotated[bool, typer.Option("--ram", help="Show the memory.")] = False,
    storage: Annotated[bool, typer.Option("--storage", help="Show the disk of the data folder.")] = False,
    gpu: Annotated[bool, typer.Option("--gpu", help="Show the GPUs.")] = False,
    power: Annotated[bool, typer.Option("--power", help="Show the battery.")] = False,
    monitors: Annotated[bool, typer.Option("--monitors", help="Show the monitors; a server has none to show.")] = False,
    as_json: Json = False,
) -> None:
    """Show the hardware, all of it or the parts that are named."""
    from cortex.server.hardware import hardware

    asked = {"cpu": cpu, "os": os, "ram": ram, "storage": storage, "gpu": gpu, "power": power, "monitors": monitors}
    wanted = [part for part in PARTS if asked[part]] or [part for part in PARTS if part != "monitors"]
    here = state(context)
    api = here.api()
    found = api.call("GET", "/v1/hardware") if api.alive() else hardware(here.config().data_folder)
    found = {"gpu" if part == "gpus" else part: known for part, known in found.items()}
    if as_json:
        show.data({part: found.get(part, []) for part in wanted})
        return
    for place, part in enumerate(wanted):
        title, columns = PARTS[part]
        cells = [[str(number), *map(str, row)] for number, row in enumerate(rows(part, found.get(part)), 1)]
        show.say(f"{chr(10) if place else ''}{title}:")
        show.listing(columns, cells, none="None found.")


@app.command(epilog="Example: cortex hardware activate --gpus '[0, 1]'")
def activate(
    context: typer.Context,
    gpus: Annotated[str, typer.Option("--gpus", help="The numbers of the GPUs to use, as '[0, 1]'; '[]': none.")],
) -> None:
    """Choose the GPUs that models may use. The server is told; it has to run."""
    wanted = numbers(gpus)
    if wanted is None:
        raise Misuse("--gpus must be numbers of GPUs such as [0, 1]; [] is none of them")
    use(state(context), wanted)
    show.note(f"Activated GPUs: {' '.join(map(str, wanted))}" if wanted else "Deactivated all GPUs!")


def use(here: State, gpus: Sequence[int] | None) -> None:
    """Tell the server to use these GPUs; None leaves it at those that it uses."""
    if gpus is not None:
        here.api().call("POST", "/v1/hardware/activate", {"gpus": list(gpus)})


def numbers(text: str) -> Sequence[int] | None:
    """`[0, 1]`, or `0,1`, as numbers; None where nothing is said. Raises `Misuse`."""
    if not text:
        return None
    try:
        value = json.loads(text if text.strip().startswith("[") else f"[{text}]")
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(item, int) and item >= 0 for item in value):
        raise Misuse(f"--gpus must be numbers of GPUs such as [0, 1], not {text!r}")
    return value


def rows(part: str, known: Any) -> Sequence[Row]:
    """What is known of a part (the shapes of `/v1/hardware`), without the number of the row."""
    match part:
        case "cpu":
            usage, instructions = f"{known['usage']} %", " ".join(known["instructions"])
            return [(known["arch"], known["cores"], known["model"], usage, instructions)]
        case "os":
            return [(known["version"], known["name"])]
        case "ram" | "storage":
            return [(known["total"], known["available"])]
        case "gpu":
            return [_gpu(gpu) for gpu in known]
        case "power" if known["charging_status"]:
            return [(known["battery_life"], known["charging_status"], _yes(known["is_power_saving"]))]
    return []


def _gpu(gpu: Mapping[str, Any]) -> Row:
    more = gpu.get("additional_information") or {}
    return (
        *(gpu["id"], gpu["name"], gpu["version"], gpu["total_vram"], gpu["free_vram"]),
        *(more.get("driver_version", ""), more.get("compute_cap", ""), _yes(gpu["activated"])),
    )


def _yes(value: bool) -> str:
    return "Yes" if value else "No"
