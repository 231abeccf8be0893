"""Which raw texts follow a schema: as regular expressions, and by reading one. Never any notation.

A schema is taken apart into branches: the alternatives that it allows, each a list of parts that all hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain, islice, product
from typing import Any

from cortex.core.arguments.containers import WORDS, as_json
from cortex.core.chat import Schema
from cortex.core.custom import follows
from cortex.core.defined.write import verbatim
from cortex.core.lark import ANY, escape
from cortex.core.members import KINDS, kind, kinds, listed, may_be_text, named, valued
from cortex.core.place import Gap
from cortex.core.pointer import resolve

LONGEST = 1000  # characters: above this, counting them costs too much
MOST = 64  # branches
COMBINED = ("allOf", "anyOf", "oneOf")
SILENT = frozenset({"title", "description", "default", "examples", "deprecated", "$comment", "readOnly", "writeOnly"})
# What every notation enforces that writes values one by one, or that says nothing; and what does if those in it do.
SURE = SILENT | {"type", "enum", "const", "required", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
PLAINLY = SURE | {"items", "minItems", "maxItems", "properties", "additionalProperties", "anyOf"}
BYTE = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
FORMATS = {
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "ipv4": rf"{BYTE}(\.{BYTE}){{3}}",
    "email": r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]+)+",
}
PLAIN = {"true": "true", "false": "false", "null": "null", "none": "null"}
SCALARS = {  # how the other scalar values look, by the type that the schema names
    "null": "null|None",
    "boolean": "[tT]rue|[fF]alse",
    "integer": r"-?(0|[1-9]\d*)",
    "number": r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?",
}

TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[\w:]*:|\?[=!<]|)|[^\\]", re.DOTALL)
UNKNOWN = frozenset({"^", "$", "(?=", "(?!", "(?<", *(rf"\{letter}" for letter in "bBAzZk123456789")})
COUNTED = re.compile(r"\{(\d+),?(\d*)\}")
NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
RULES = {"null": frozenset[str](), "boolean": frozenset[str](), "number": NUMBERS}

Branch = Sequence[Schema]
Path = tuple[str, ...]


# Branches


def branches(schema: Any, root: Schema | None = None, seen: frozenset[str] = frozenset()) -> list[Branch]:
    """What the schema allows. Alternatives beyond the first of too many are passed over."""
    if not isinstance(schema, Mapping):
        return [] if schema is False else [()]
    root = schema if root is None else root
    found: list[list[Branch]] = [[({key: value for key, value in schema.items() if key not in COMBINED},)]]
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref not in seen and (target := resolve(root, ref)) is not None:
        found.append(branches(target, root, seen | {ref}))
    found += [branches(part, root, seen) for part in listed(schema, "allOf")]
    for options in filter(None, (listed(schema, keyword) for keyword in ("anyOf", "oneOf"))):
        found.append([branch for option in options for branch in branches(option, root, seen)])
    if len(found) == 1:
        return found[0]
    return list(islice((tuple(chain(*pieces)) for pieces in product(*found)), MOST))


def allows(schema: Schema, value: Any) -> bool:
    """Whether this value is of a type, and among the values, that the schema allows: no more is looked at."""
    return any(all(fits(part, value) for part in branch) for branch in branches(schema))


def fits(part: Schema, value: Any) -> bool:
    if kind(value) not in named(part) or ("const" in part and not same(part["const"], value)):
        return False
    if is_integer(part) and isinstance(value, float) and not value.is_integer():
        return False
    return "enum" not in part or any(same(given, value) for given in listed(part, "enum"))


def is_integer(part: Schema) -> bool:
    """Whether the only numbers of this schema are integers."""
    given = part.get("type")
    return "integer" in (types := given if isinstance(given, list) else [given]) and "number" not in types


def same(one: Any, other: Any) -> bool:
    return kind(one) == kind(other) and bool(one == other)


def is_open(schema: Schema) -> bool:
    """Whether the schema says nothing at all of its values."""
    return all(not part.keys() - SILENT for branch in branches(schema) for part in branch)


def typed(text: str, schema: Schema) -> str:
    """The text as JSON: as what the schema allows, a string if it allows that and nothing else fits."""
    for candidate in [] if is_open(schema) else values(text.strip(), strict=may_be_text(schema)):
        if allows(schema, json.loads(candidate)):
            return candidate
    said = [text, text.strip(), *quoted(text.strip())]
    return json.dumps(next((each for each in said if allows(schema, each)), text), ensure_ascii=False)


def values(text: str, *, strict: bool) -> Iterator[str]:
    """What the text may be but a string, as JSON. `strict`: it may be a text too, so it has to be written well."""
    readings = [text, WORDS.get(text, "")]
    if not strict:
        readings += [as_json(text), *quoted(f'"{text}"'), PLAIN.get(text.lower(), ""), text.lstrip("+0") or text[-1:]]
    yield from (each for each in readings if is_json(each) and not each.startswith('"'))


def is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=float.fromhex)
    except (ValueError, RecursionError):
        return False
    return True


def quoted(text: str) -> list[str]:
    """What stands in the quotes of JSON, if the text is in quotes."""
    return [json.loads(text)] if text.startswith('"') and is_json(text) else []


# Texts


def ways(schema: Schema) -> tuple[list[list[str]], frozenset[str]]:
    """The texts that follow the schema: alternatives, each patterns that all hold; and the types that are left.

    Scalars that follow no further rule are among the texts: whatever reads as one is right.
    """
    if not may_be_text(schema):
        return [], kinds(schema)
    each = branches(schema)
    free = frozenset(name for name in RULES if all(is_free(branch, name) for branch in each if name in types(branch)))
    found = [way for branch in each if "string" in types(branch) for way in worded(branch, schema)]
    if [ANY] in found:
        found = [[ANY]]
    elif loose := [look for branch in each for look in spelled(branch, free)]:
        found.append(["|".join(dict.fromkeys(loose))])
    return found, kinds(schema) - {"string"} - free


def types(branch: Branch) -> frozenset[str]:
    """The types of JSON that values of this branch can have."""
    return frozenset.intersection(KINDS, *(named(part) & valued(part) for part in branch))


def is_free(branch: Branch, name: str) -> bool:
    """Whether every value of this type is right."""
    return not any(part.keys() & (RULES[name] | {"enum", "const", "not", "if"}) for part in branch)


def spelled(branch: Branch, names: frozenset[str]) -> list[str]:
    """How values of these scalar types look in this branch."""
    whole = any(map(is_integer, branch))
    found = sorted(types(branch) & names)
    return [SCALARS["integer" if name == "number" and whole else name] for name in found]


def worded(branch: Branch, schema: Schema) -> list[list[str]]:
    """The texts of one branch. Of listed texts, those that do not read as something else."""
    rules, given = patterns(branch), texts(branch)
    if given is None:
        return [rules or [ANY]]
    right = [escape(text) for text in given if typed(text, schema) == json.dumps(text, ensure_ascii=False)]
    return [["|".join(right), *rules]] if right else []


def texts(branch: Branch) -> list[str] | None:
    """The texts that the branch lists; None if it lists none."""
    listings = [[part["const"]] if "const" in part else listed(part, "enum") for part in branch if is_listed(part)]
    if not listings:
        return None
    return [text for text in listings[0] if isinstance(text, str) and all(text in other for other in listings)]


def is_listed(part: Schema) -> bool:
    return "const" in part or "enum" in part


def patterns(branch: Branch) -> list[str]:
    """Patterns that the texts of this branch have to follow."""
    return list(dict.fromkeys(way for part in branch for way in parted(part)))


def parted(part: Schema) -> Iterator[str]:
    low, high = bound(part, "minLength"), bound(part, "maxLength")
    if low or high is not None:
        yield f"(?s:.{{{low or 0},{'' if high is None else high}}})"
    if isinstance(given := part.get("pattern"), str) and (found := exact(given)) is not None:
        yield found
    if isinstance(name := part.get("format"), str) and name in FORMATS:
        yield FORMATS[name]
    if (input := follows(part)) and (found := verbatim(input)):
        yield found


def bound(part: Schema, keyword: str) -> int | None:
    """A length, if it can be counted."""
    value = part.get(keyword)
    return int(value) if isinstance(value, int | float) and 0 <= value <= LONGEST else None


# Patterns


@lru_cache(maxsize=1024)
def exact(pattern: str) -> str | None:
    """A regular expression for the texts in which this one (regex.py's) is found; None where it cannot be said."""
    if sum(int(most or least) for least, most in COUNTED.findall(pattern)) > LONGEST:
        return None
    flags = "(?i)" if pattern.startswith("(?i)") else ""
    tokens = TOKEN.findall(pattern[len(flags) :])
    depth = depths(tokens)
    found = around(tokens) if min([0, *depth]) == 0 == depth[-1] else None
    return found if found is None or not flags else f"(?i:{found})"


def around(tokens: Sequence[str]) -> str | None:
    """The alternatives, each with what may stand before and after it."""
    options: list[list[str]] = [[]]
    for token, depth in zip(tokens, depths(tokens), strict=False):
        if token == "|" and not depth:
            options.append([])
        else:
            options[-1].append(token)
    found = [sided(option) for option in options]
    return None if None in found else "|".join(filter(None, found))


def sided(option: Sequence[str]) -> str | None:
    """An alternative with what may stand before and after it, where no anchor forbids it."""
    if is_group(option):
        inner = around(option[1:-1])
        return None if inner is None else f"{option[0]}{inner})"
    first, last = option[:1] == ["^"], option[-1:] == ["$"]
    body = option[first : len(option) - last]
    if any(token in UNKNOWN for token in body):
        return None
    return ("" if first else ANY) + "".join(body) + ("" if last else ANY)


def is_group(option: Sequence[str]) -> bool:
    """Whether all of an alternative is one group."""
    return len(option) > 2 and option[-1] == ")" and 0 not in depths(option)[:-1]


def depths(tokens: Sequence[str]) -> list[int]:
    """After each token, how many groups are open."""
    return list(accumulate((token[0] == "(") - (token == ")") for token in tokens)) or [0]


# Gaps


def gaps(schema: Schema) -> list[Gap]:
    """What of this schema is not enforced in a raw text."""
    if is_sure(schema):
        return []
    return [
        gap for path, part in parts(schema, schema) if "string" in kinds(part, schema) for gap in missing(path, part)
    ]


def is_sure(schema: Any) -> bool:
    """Whether nothing of this schema is lost in any notation: so it is with most, and this is soon seen."""
    if not isinstance(schema, dict | Mapping) or schema.keys() <= SURE:
        return True
    if not schema.keys() <= PLAINLY or not isinstance(items := schema.get("items", {}), bool | Mapping):
        return False
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    return all(isinstance(each, dict) for each in inner) and all(
        map(is_sure, [items, schema.get("additionalProperties"), *inner])
    )


def parts(
    schema: Any, root: Schema, path: Path = (), seen: frozenset[str] = frozenset()
) -> Iterator[tuple[Path, Schema]]:
    """The schema and its alternatives, with the paths to them."""
    if not isinstance(schema, Mapping):
        return
    yield path, schema
    if isinstance(ref := schema.get("$ref"), str) and ref not in seen:
        yield from parts(resolve(root, ref), root, (*path, "$ref"), seen | {ref})
    for keyword in COMBINED:
        for number, part in enumerate(listed(schema, keyword)):
            yield from parts(part, root, (*path, keyword, str(number)), seen)


def missing(path: Path, part: Schema) -> Iterator[Gap]:
    for keyword in ("not", "if", "contentEncoding", "contentMediaType"):
        if keyword in part:
            yield Gap((*path, keyword), "not enforced in raw text")
    for keyword in ("minLength", "maxLength"):
        if keyword in part and bound(part, keyword) is None:
            yield Gap((*path, keyword), f"not enforced in raw text above {LONGEST}")
    if "pattern" in part and (not isinstance(part["pattern"], str) or exact(part["pattern"]) is None):
        yield Gap((*path, "pattern"), "not enforced in raw text")
    if "format" in part and part["format"] not in FORMATS:
        yield Gap((*path, "format"), "not enforced in raw text")
