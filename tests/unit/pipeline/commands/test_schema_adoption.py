"""Adopted features are as the data has them, and the rest of the file is as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.commands.schema_adoption import adopted, replace_file
from pipeline.commands.schema_review import compare
from schema import MOVIES_SCHEMA, RATINGS_SCHEMA

CURATED = """\
# Who looks after this file { and why.

# Ids are strings.
feature {
  name: "id"  # not the "feature {" next door
  type: BYTES
}

# Stars.
feature {
  name: "rating"
  type: FLOAT
  presence { min_fraction: 1 min_count: 1 }
  float_domain { min: 0.5 max: 5 }
  drift_comparator { jensen_shannon_divergence { threshold: 0.1 } }
}

feature {
  name: "genre"
  type: BYTES
  domain: "genre"
}

# All genres.
string_domain {
  name: "genre"
  value: "a } brace"
  value: "Drama"
}
"""


def parse(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def test_only_the_adopted_block_changes() -> None:
    inferred = parse(
        'feature { name: "rating" type: FLOAT presence { min_count: 1 } value_count { min: 1 } }'
    )
    assert adopted(CURATED, inferred, ["rating"]) == CURATED.replace(
        "  presence { min_fraction: 1 min_count: 1 }\n",
        "  presence { min_count: 1 }\n  value_count { min: 1 }\n",
    ).replace("min: 0.5 max: 5 }", "min: 0.5 max: 5.0 }")


def test_a_new_type_drops_what_was_decided_for_the_old_one() -> None:
    inferred = parse('feature { name: "rating" type: BYTES presence { min_fraction: 1 min_count: 1 } }')
    rating = parse(adopted(CURATED, inferred, ["rating"])).feature[1]
    assert rating == inferred.feature[0]


def test_the_domain_comes_along() -> None:
    inferred = parse(
        'feature { name: "genre" type: BYTES domain: "genre" } string_domain { name: "genre" value: "Noir" }'
    )
    text = adopted(CURATED, inferred, ["genre"])
    assert text.startswith(CURATED[: CURATED.index("string_domain")])
    assert text.endswith('# All genres.\nstring_domain {\n  name: "genre"\n  value: "Noir"\n}\n')


def test_a_feature_that_became_free_text_takes_its_domain_away() -> None:
    text = adopted(CURATED, parse('feature { name: "genre" type: BYTES }'), ["genre"])
    assert "string_domain" not in text
    assert not parse(text).feature[2].HasField("domain")


def test_a_domain_that_another_feature_uses_stays() -> None:
    shared = CURATED.replace("  type: BYTES\n}", '  type: BYTES\n  domain: "genre"\n}', 1)
    text = adopted(shared, parse('feature { name: "genre" type: BYTES }'), ["genre"])
    assert [domain.name for domain in parse(text).string_domain] == ["genre"]


def test_new_features_stand_behind_the_others_and_bring_their_domain() -> None:
    inferred = parse(
        'feature { name: "mood" type: BYTES domain: "mood" } feature { name: "length" type: INT }'
        'string_domain { name: "mood" value: "calm" }'
    )
    text = adopted(CURATED, inferred, ["mood", "length"])
    found = parse(text)
    assert [feature.name for feature in found.feature] == ["id", "rating", "genre", "mood", "length"]
    assert [domain.name for domain in found.string_domain] == ["genre", "mood"]
    assert all(line in text for line in CURATED.splitlines())


@pytest.mark.parametrize("path", [RATINGS_SCHEMA, MOVIES_SCHEMA], ids=lambda path: path.name)
def test_after_adopting_everything_the_project_s_own_files_differ_in_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    inferred = parse(text)
    for feature in inferred.feature:
        feature.presence.min_count = 7
        feature.ClearField("drift_comparator")
    inferred.string_domain[0].value.append("Noir")
    differences = compare(parse(text), inferred)
    assert len(differences) == len(inferred.feature)
    after = adopted(text, inferred, [difference.name for difference in differences])
    assert compare(parse(after), inferred) == []
    assert after.count("drift_comparator") == text.count("drift_comparator") > 0
    assert [line for line in after.splitlines() if line.startswith("#")] == [
        line for line in text.splitlines() if line.startswith("#")
    ]


def test_the_file_is_replaced_with_its_mode_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "ratings.pbtxt"
    path.write_text("old")
    path.chmod(0o640)
    replace_file(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]
