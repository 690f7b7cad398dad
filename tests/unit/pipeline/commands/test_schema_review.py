"""What a person sees of the difference between the curated schema and the data."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.commands.schema_review import Change, FeatureReview, compare, lines

CURATED = """
feature { name: "movie_id" type: BYTES presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } }
feature {
  name: "rating" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } }
  float_domain { min: 0.5 max: 5 } drift_comparator { jensen_shannon_divergence { threshold: 0.1 } }
}
feature { name: "genres" type: BYTES domain: "genre" value_count { min: 1 } }
string_domain { name: "genre" value: "Drama" value: "IMAX" }
"""


def parse(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def differences(before: str, after: str) -> list[FeatureReview]:
    """The review of `CURATED` against data that has `after` where it has `before`."""
    assert before in CURATED
    return compare(parse(CURATED), parse(CURATED.replace(before, after)))


def test_equal_schemas_have_no_difference() -> None:
    assert differences("movie_id", "movie_id") == []


def test_what_schema_gen_never_states_is_no_difference() -> None:
    assert differences("float_domain { min: 0.5 max: 5 }", "") == []
    assert differences("drift_comparator { jensen_shannon_divergence { threshold: 0.1 } }", "") == []


def test_order_and_name_of_a_domain_and_unset_bounds_are_no_difference() -> None:
    assert differences('value: "Drama" value: "IMAX"', 'value: "IMAX" value: "Drama"') == []
    assert compare(parse(CURATED), parse(CURATED.replace('"genre"', '"genres"'))) == []
    assert differences("presence { min_fraction: 1 }", "presence { min_fraction: 1 min_count: 0 }") == []


def test_a_changed_type_and_presence() -> None:
    (found,) = differences('"rating" type: FLOAT presence { min_fraction: 1 }', '"rating" type: BYTES')
    assert (found.name, found.kind) == ("rating", "changed")
    assert set(found.changes) == {
        Change("type", "FLOAT", "BYTES"),
        Change("presence", "min_fraction: 1 min_count: 0", "min_fraction: 0 min_count: 0"),
    }


def test_a_feature_that_comes_with_several_values() -> None:
    found = differences("min_count: 1 } shape { dim { size: 1 } }", "min_count: 1 } value_count { min: 1 }")
    assert [(change.field, change.old, change.new) for change in found[0].changes] == [
        ("shape", "{ dim { size: 1 } }", "none"),
        ("value_count", "none", "{ min: 1 }"),
    ]


def test_new_and_vanished_values_of_a_domain() -> None:
    found = differences('value: "IMAX"', 'value: "Noir"')
    assert found == [
        FeatureReview("genres", "changed", (Change("domain", "2 values", "2 values: +'Noir' -'IMAX'"),))
    ]
    free = differences('domain: "genre" ', "")
    assert free[0].changes == (Change("domain", "2 values", "free text"),)


def test_added_and_missing_features_are_marked() -> None:
    found = differences('name: "genres"', 'name: "tags"')
    assert [(feature.name, feature.kind) for feature in found] == [("genres", "missing"), ("tags", "added")]
    shown = [line.plain for line in lines(found)]
    assert shown[0] == "  - genres  not in the data"
    assert shown[1] == "  + tags  only in the data"
    assert "      type: BYTES" in shown
