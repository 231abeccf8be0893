"""The properties of an object's schema, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from cortex.core.chat import Schema
from cortex.core.members import Source, view
from cortex.core.schema import is_text, may_be_text, members

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}


def test_a_plain_object_gives_its_properties_in_order() -> None:
    found = members({"type": "object", "properties": {"b": TEXT, "a": WHOLE, "c": True}, "required": ["a"]})
    assert list(found.properties.items()) == [("b", TEXT), ("a", WHOLE), ("c", {})]
    assert (found.required, found.additional, found.gaps) == (frozenset("a"), {}, ())


@pytest.mark.parametrize(
    ("says", "additional"),
    [({}, {}), (True, {}), (False, None), (TEXT, TEXT)],
)
def test_what_other_keys_may_hold_is_said(says: Any, additional: Any) -> None:
    assert members({"properties": {}, "additionalProperties": says}).additional == additional


def test_a_schema_that_says_nothing_of_properties_has_none() -> None:
    for schema in ({}, {"properties": 3, "required": 3}):
        assert members(schema).properties == {}


def test_each_schema_stands_alone_with_the_definitions_that_it_needs() -> None:
    root = {
        "properties": {"tree": {"$ref": "#/$defs/tree"}, "n": WHOLE, "old": {"items": {"$ref": "#/definitions/x~1y"}}},
        "additionalProperties": {"$ref": "#/$defs/leaf"},
        "$defs": {"tree": {"anyOf": [{"$ref": "#/$defs/leaf"}, {"$ref": "#/$defs/tree"}]}, "leaf": TEXT, "no": WHOLE},
        "definitions": {"x/y": TEXT, "z": WHOLE},
    }
    found = members(root)
    assert found.properties["n"] == WHOLE
    assert set(found.properties["tree"]["$defs"]) == {"tree", "leaf"}
    assert "definitions" not in found.properties["tree"]
    assert found.properties["old"]["definitions"] == {"x/y": TEXT}
    assert found.additional == {"$ref": "#/$defs/leaf", "$defs": {"leaf": TEXT}}


def test_a_reference_at_the_top_is_followed_with_its_siblings() -> None:
    schema = {"$ref": "#/$defs/a", "required": ["y"], "$defs": {"a": {"properties": {"x": TEXT, "y": WHOLE}}}}
    found = members(schema)
    assert (list(found.properties), found.required, found.gaps) == (["x", "y"], frozenset("y"), ())


def test_a_reference_that_leads_back_to_itself_ends() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a", "properties": {"x": TEXT}}}}
    assert list(members(schema).properties) == ["x"]


@pytest.mark.parametrize("ref", ["https://example.org/a.json", "#/$defs/nothing", "#/properties/x/enum/7", "#/type/a"])
def test_a_reference_to_nothing_is_named(ref: str) -> None:
    schema = {"type": "object", "$ref": ref, "properties": {"x": {"enum": ["a"]}}}
    assert [gap.path for gap in members(schema).gaps] == [("$ref",)]
    assert list(members(schema).properties) == ["x"]


def test_a_reference_into_a_list_is_found() -> None:
    found = members({"$ref": "#/anyOf/1", "anyOf": [{"properties": {"x": TEXT}}, {"properties": {"y": TEXT}}]})
    assert list(found.properties) == ["y", "x"]


def test_all_of_merges() -> None:
    found = members(
        {
            "properties": {"a": TEXT, "n": WHOLE},
            "allOf": [
                {"properties": {"b": TEXT, "n": {"minimum": 3}, "a": TEXT}, "required": ["b"]},
                {"required": ["a"], "additionalProperties": WHOLE},
                True,
            ],
        }
    )
    assert found.properties == {
        "a": {"allOf": [TEXT, WHOLE]},
        "n": {"allOf": [{"allOf": [WHOLE, {"minimum": 3}]}, WHOLE]},
        "b": {"allOf": [TEXT, WHOLE]},
    }
    assert (found.required, found.additional, found.gaps) == (frozenset("ab"), WHOLE, ())


def test_all_of_closes_as_json_schema_does() -> None:
    found = members({"properties": {"a": {}}, "allOf": [{"properties": {"b": {}}, "additionalProperties": False}]})
    assert (found.properties, found.additional) == ({"b": {}}, None)


def test_alternatives_are_joined_and_named() -> None:
    one = {"properties": {"kind": {"const": "a"}, "x": TEXT}, "required": ["kind", "x"], "additionalProperties": False}
    two = {"properties": {"kind": {"const": "b"}, "y": TEXT}, "required": ["kind"], "additionalProperties": WHOLE}
    found = members({"anyOf": [one, two, {"type": "null"}]})
    assert found.properties == {"kind": {"anyOf": [{"const": "a"}, {"const": "b"}]}, "x": TEXT, "y": TEXT}
    assert (found.required, found.additional) == (frozenset({"kind"}), WHOLE)
    assert [str(gap) for gap in found.gaps] == ["anyOf: which keys go together is not enforced"]


def test_alternatives_that_are_no_objects_or_all_the_same_lose_nothing() -> None:
    one = {"properties": {"x": TEXT}, "additionalProperties": False}
    for options in ([one, {"type": "null"}], [one, one], [one]):
        assert members({"oneOf": options}).gaps == ()
        assert members({"oneOf": options}).properties == {"x": TEXT}
    assert members({"oneOf": [{"type": "null"}]}).properties == {}
    closed = {"additionalProperties": False}
    assert members({"anyOf": [closed, closed]}).additional is None
    assert members({"anyOf": [{"properties": {"x": TEXT}}, {"properties": {"x": {}}}]}).properties == {"x": {}}


def test_what_only_the_whole_object_says_is_named_with_its_path() -> None:
    schema = {
        "properties": {"a": {}},
        "allOf": [{"minProperties": 2}, {"$ref": "#/$defs/d"}],
        "$defs": {"d": {"not": {}}},
    }
    assert [gap.path for gap in members(schema).gaps] == [
        ("allOf", "0", "minProperties"),
        ("allOf", "1", "$ref", "not"),
    ]
    assert members(schema).gaps[0].keyword == "minProperties"


def test_a_property_that_must_not_be_there_is_left_out() -> None:
    shut = members({"properties": {"a": False, "b": {}}, "additionalProperties": False})
    assert (list(shut.properties), shut.gaps) == (["b"], ())
    assert [gap.path for gap in members({"properties": {"a": False}}).gaps] == [("properties", "a")]


def test_patterns_of_a_closed_object_say_what_other_keys_hold() -> None:
    found = members({"patternProperties": {"^a": TEXT, "^b": WHOLE}, "additionalProperties": False})
    assert found.additional == {"anyOf": [TEXT, WHOLE]}
    assert [gap.keyword for gap in found.gaps] == ["patternProperties"]


@pytest.mark.parametrize(
    ("schema", "always", "maybe"),
    [
        ({"type": "string"}, True, True),
        ({"type": ["string"], "pattern": "a"}, True, True),
        ({"type": ["string", "null"]}, False, True),
        ({"type": "string", "nullable": True}, False, True),
        ({"type": "integer"}, False, False),
        ({}, False, True),
        ({"enum": ["a", "b"]}, True, True),
        ({"enum": ["a", 1]}, False, True),
        ({"enum": [1, None, True, [], {}]}, False, False),
        ({"const": "a"}, True, True),
        ({"const": 1.5}, False, False),
        ({"type": "string", "enum": ["a", 1]}, True, True),
        ({"anyOf": [{"const": "a"}, {"type": "string"}]}, True, True),
        ({"anyOf": [{"const": "a"}, {"type": "null"}]}, False, True),
        ({"oneOf": [{"type": "number"}, False]}, False, False),
        ({"anyOf": [{"type": "number"}, True]}, False, True),
        ({"allOf": [{"type": "string"}, {"maxLength": 3}]}, True, True),
        ({"allOf": [{"type": "string"}, {"type": "number"}]}, False, False),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, True, True),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, False, True),
        ({"$ref": "#/$defs/none"}, False, True),
    ],
)
def test_whether_a_value_is_a_string_is_known(schema: dict[str, Any], always: bool, maybe: bool) -> None:
    assert (is_text(schema), may_be_text(schema)) == (always, maybe)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {}, "b": {"type": "null"}}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {}}, "required": ["a", "c"], "additionalProperties": False},
        {"type": "object", "properties": {"a": False, "b": True}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {}}},
    ],
)
def test_the_short_way_for_listed_properties_leads_to_the_same_members(schema: Schema) -> None:
    assert members(schema) == view(schema, Source(schema))
