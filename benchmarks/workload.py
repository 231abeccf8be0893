"""What is asked: tools, questions and texts, each a pure function of a number, so that no round repeats another."""

from __future__ import annotations

import random
from typing import Any

Json = dict[str, Any]

_CITIES = (
    "Paris Oslo Rome Lima Cairo Quito Berlin Madrid Vienna Dublin Athens Prague Warsaw Lisbon Helsinki Geneva Naples "
    "Bergen Krakow Porto Seville Malmo Gdansk Turin Bilbao Leipzig Utrecht Ghent Lyon Nice Cork York Bath Perth"
)
CITIES = _CITIES.split()
SYSTEM: Json = {"role": "system", "content": "You are a helpful assistant. Use the supplied tools to help the user."}


def tool(name: str, about: str, properties: Json, required: list[str] | None = None) -> Json:
    parameters = {"type": "object", "properties": properties, "required": required or list(properties)}
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}


def text(about: str, **more: Any) -> Json:
    return {"type": "string", "description": about, **more}


WEATHER = tool(
    "get_current_weather",
    "Get the current weather of a city",
    {"location": text("The name of the city"), "unit": text("The unit", enum=["Celsius", "Fahrenheit"])},
)
DELIVERY = tool(
    "get_delivery_date", "Get the delivery date of a customer's order", {"order_id": text("The order's number")}
)
SAVE = tool("save_note", "Save a note", {"title": text("A short title"), "body": text("The whole text of the note")})
SHOP = [
    tool("find_book", "Find books by their title", {"title": text("The book's title")}),
    tool("get_stock", "Get how many copies of a book there are", {"book_id": text("The book's number, as found")}),
    tool(
        "get_price", "Get a book's price in a currency", {"book_id": text("Its number"), "currency": text("Like EUR")}
    ),
    tool("reserve", "Reserve copies of a book", {"book_id": text("Its number"), "copies": {"type": "integer"}}),
    tool("send_mail", "Send a mail", {"to": text("An address"), "subject": text("About"), "body": text("The text")}),
]


def user(content: str) -> Json:
    return {"role": "user", "content": content}


def city(number: int) -> str:
    return CITIES[number % len(CITIES)]


def weather(number: int) -> Json:
    unit = ("Celsius", "Fahrenheit")[number % 2]
    return user(f"What is the weather in {city(number)} in {unit}?")


def passage(number: int, words: int = 85) -> str:
    """A text of its own for each number: plain sentences of common words, about 1.5 tokens a word."""
    draw = random.Random(number)
    nouns = "train bridge garden letter window river market kitchen lamp road teacher summer harbour ticket".split()  # noqa: SIM905
    verbs = "passes holds follows opens leaves meets crosses reaches keeps finds".split()  # noqa: SIM905
    adjectives = "old green quiet narrow early bright empty long wooden cold".split()  # noqa: SIM905
    made: list[str] = []
    while len(" ".join(made).split()) < words:
        one, other = draw.sample(nouns, 2)
        made.append(
            f"The {draw.choice(adjectives)} {one} {draw.choice(verbs)} the {draw.choice(adjectives)} {other} "
            f"at {draw.randint(2, 12)} o'clock."
        )
    return " ".join(made)


def many(count: int) -> list[Json]:
    """Small tools, all alike and all different."""
    things = "lamp door heater camera speaker blind valve fan".split()  # noqa: SIM905
    acts = "open close start stop dim lock check reset".split()  # noqa: SIM905
    pairs = [(act, thing) for thing in things for act in acts][:count]
    return [
        tool(f"{act}_{thing}", f"{act.capitalize()} the {thing} of a room", {"room": text("The room's name")})
        for act, thing in pairs
    ]


def large(count: int) -> list[Json]:
    """Tools as services describe theirs: about 130 tokens each."""
    subjects = "invoice customer shipment contract employee product campaign ticket account device report booking"
    return [
        tool(
            f"search_{subject}s",
            f"Search the {subject}s of the company by text and by date. Use it when the user asks about a {subject}, "
            "its state, its owner or its history, and no number is known yet.",
            {
                "query": text(f"What to look for in the {subject}'s name and notes"),
                "since": text("Only those changed on or after this date, as YYYY-MM-DD"),
                "state": text("Only those in this state", enum=["open", "closed", "waiting"]),
                "limit": {"type": "integer", "description": "The most results to return", "minimum": 1, "maximum": 50},
            },
            ["query"],
        )
        for subject in subjects.split()[:count]
    ]
