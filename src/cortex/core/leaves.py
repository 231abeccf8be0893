"""The keywords of a schema that hold no schemas: types, values, numbers, strings. Never follows a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cortex.core.chat import Schema
from cortex.core.place import TYPES, Nonsense, Place, Result
from cortex.core.regex import NoPattern, Pattern, Unknown, translate

NUMBERS = frozenset({"integer", "number"})
EXACT = 2**53  # beyond this the engine's numbers are not exact
LONGEST = 16  # a least length beyond this, together with a pattern, is more than the engine can work out
STEPS = 4000  # the largest multipleOf, in units of its last digit: the engine's cost grows with it

LONG, SHORT = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])", "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
MONTHS = f"{LONG}|{SHORT}|02-(?:0[1-9]|1[0-9]|2[0-8])"
LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
DATE = f"(?:[0-9]{{4}}-(?:{MONTHS})|{LEAP})"
ZONE = "(?:[zZ]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
FRACTION = r"(?:\.[0-9]+)?"
TIME = f"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{FRACTION}{ZONE}|23:59:60{FRACTION}(?:[zZ]|[+-]00:00))"
BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
WORD = "[0-9a-fA-F]{1,4}"
TAIL = rf"(?:{WORD}:{WORD}|(?:{BYTE}\.){{3}}{BYTE})"
IPV6 = "|".join(
    [
        f"(?:{WORD}:){{6}}{TAIL}",
        f"::(?:{WORD}:){{5}}{TAIL}",
        *(f"(?:(?:{WORD}:){{0,{n}}}{WORD})?::(?:{WORD}:){{{4 - n}}}{TAIL}" for n in range(5)),
        f"(?:(?:{WORD}:){{0,5}}{WORD})?::{WORD}",
        f"(?:(?:{WORD}:){{0,6}}{WORD})?::",
    ]
)
# Formats as patterns, where the engine's own are not exact; and the engine's own, with their least lengths.
WRITTEN = {
    "date": Pattern(f"^{DATE}$", 10),
    "time": Pattern(f"^{TIME}$", 9),
    "date-time": Pattern(f"^{DATE}[tT]{TIME}$", 20),
    "ipv6": Pattern(f"^(?:{IPV6})$", 2),
}
BUILT_IN = {"duration": 3, "email": 3, "hostname": 1, "ipv4": 7, "uuid": 36, "uri": 2}
# Names of types that users send who describe functions of a programming language, and what JSON Schema calls them.
MEANT = {
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    **dict.fromkeys(("int", "long"), "integer"),
    **dict.fromkeys(("str", "text"), "string"),
    **dict.fromkeys(("dict", "map"), "object"),
    **dict.fromkeys(("list", "tuple"), "array"),
    "bool": "boolean",
    "none": "null",
}
HINTS = ("password", "binary", "byte")  # formats that say nothing of the text


def types(schema: Schema, at: Place) -> list[str]:
    """The types that the schema names; all of them where it names none."""
    given = schema.get("type")
    if isinstance(given, str) and given in TYPES and "nullable" not in schema:
        return [given]  # most say no more than that
    names = [given] if isinstance(given, str) else given
    if names is None or names == ["any"]:
        return list(TYPES)
    known = isinstance(names, list) and bool(names) and all(map(is_type, names))
    at.need(known, "type", f"one of {', '.join(TYPES)}, or a list of them")
    meant = (MEANT.get(name, name) for name in names)
    return list(dict.fromkeys([*meant, *["null"] * (schema.get("nullable") is True)]))


def is_type(name: object) -> bool:
    return isinstance(name, str) and (name in TYPES or name in MEANT)


def whole(schema: Schema, key: str, at: Place) -> int | None:
    """A count: an integer of 0 or more, 2.0 too."""
    value = schema.get(key)
    if value is None:
        return None
    at.need(is_number(value) and value >= 0 and value == value // 1, key, "an integer of 0 or more")
    return int(value)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def numbers(schema: Schema, at: Place) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if schema.get(exclusive) is True:  # draft 4
            bound(out, exclusive, schema.get(key), at)
            continue
        bound(out, key, schema.get(key), at)
        if schema.get(exclusive) is not False:
            bound(out, exclusive, schema.get(exclusive), at)
    if "multipleOf" in schema:
        out |= multiple(schema["multipleOf"], at)
    return out


def bound(out: dict[str, Any], key: str, value: Any, at: Place) -> None:
    if value is None:
        return
    at.need(isinstance(value, int | float) and not isinstance(value, bool), key, "a number")
    if not -EXACT <= value <= EXACT:
        at.gap(key, "such large numbers cannot be compared")
    elif 0 < abs(value) < 1e-12:
        at.gap(key, "such small numbers cannot be compared")
    else:
        out[key] = value


def multiple(value: Any, at: Place) -> dict[str, Any]:
    at.need(is_number(value) and value > 0, "multipleOf", "a number above 0")
    if at.merged is not None and at.merged.steps:
        at.gap("multipleOf", "more than one for a number cannot be enforced")
    elif digits(float(value)) > STEPS:
        at.gap("multipleOf", "has too many digits")
    else:
        if at.merged is not None:
            at.merged.steps += 1
        return {"multipleOf": value}
    return {}


def digits(value: float) -> float:
    """The digits of a number as an integer, as the engine finds them: 0.25 is 25, 300 is 3."""
    while value % 1 and value < 2**32:
        value *= 10
    while value >= 10 and value % 10 == 0:
        value /= 10
    return value


def strings(schema: Schema, at: Place, beside: list[Result]) -> dict[str, Any]:
    """The keywords for strings; what has to hold beside them is added to `beside`."""
    out: dict[str, Any] = {}
    found = [*pattern(schema, at), *form(schema, out, at)]
    out |= {"pattern": found[0].text} if found else {}
    least, most = whole(schema, "minLength", at), whole(schema, "maxLength", at)
    shortest = max([item.shortest for item in found] + [BUILT_IN.get(out.get("format", ""), 0)])
    if least is not None and least > shortest:
        if least > LONGEST and (found or "format" in out or at.merged is not None):
            at.gap("minLength", "too long to be enforced together with a pattern or format")
        else:
            out["minLength"] = least
    if most is not None:
        out["maxLength"] = most
    if most is not None and most < shortest:
        beside.append(False)  # the engine would search long to find that nothing fits
    beside += [{"pattern": item.text} for item in found[1:]]
    return out


def pattern(schema: Schema, at: Place) -> list[Pattern]:
    given = schema.get("pattern")
    if given is None:
        return []
    at.need(isinstance(given, str), "pattern", "a string")
    return [found] if (found := translated(given, "pattern", at)) and enough(at, "pattern") else []


def translated(given: str, key: str, at: Place) -> Pattern | None:
    try:
        return translate(given)
    except NoPattern as error:
        raise Nonsense((*at.path, key), f"must be a regular expression: {error}") from None
    except Unknown as error:
        at.gap(key, f"{error} cannot be enforced")
        return None


def form(schema: Schema, out: dict[str, Any], at: Place) -> list[Pattern]:
    """The format: as a pattern, or as one that the engine knows."""
    given = schema.get("format")
    if not isinstance(given, str) or given in HINTS:
        return []
    if given not in WRITTEN and given not in BUILT_IN:
        at.gap("format", f"the format {given!r:.60} is not enforced")
    elif enough(at, "format"):
        if given in WRITTEN:
            return [WRITTEN[given]]
        out["format"] = given
    return []


def enough(at: Place, keyword: str) -> bool:
    """Whether one more pattern can hold for the same text."""
    if at.merged is None:
        return True
    at.merged.patterns += 1
    if at.merged.patterns > 2:
        at.gap(keyword, "more than two patterns for one text cannot be enforced")
    return at.merged.patterns <= 2


def values(schema: Schema, names: Sequence[str], at: Place) -> list[Any] | None:
    """The values that `enum` and `const` leave, of these types; None where they say nothing."""
    found: list[Any] | None = None
    if "enum" in schema:
        given = schema["enum"]
        at.need(isinstance(given, list) and bool(given), "enum", "a list of values")
        found = exact(given, "enum", at)
    if "const" in schema:
        one = exact([schema["const"]], "const", at)
        found = one if found is None or one is None else [value for value in found if same(value, one[0])]
    return found if found is None else [value for value in found if of_type(value, names)]


def exact(given: list[Any], keyword: str, at: Place) -> list[Any] | None:
    if all(map(is_exact, given)):
        return given
    at.gap(keyword, "such large numbers cannot be told apart")
    return None


def is_exact(value: Any) -> bool:
    match value:
        case bool():
            return True
        case int() | float():
            return -EXACT <= value <= EXACT
        case list():
            return all(map(is_exact, value))
        case dict():
            return all(map(is_exact, value.values()))
    return True


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON: 1 is 1.0, but not true."""
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


def of_type(value: Any, names: Sequence[str]) -> bool:
    match value:
        case None:
            return "null" in names
        case bool():
            return "boolean" in names
        case int() | float():
            return "number" in names or ("integer" in names and value == value // 1)
        case str():
            return "string" in names
        case list():
            return "array" in names
    return "object" in names
