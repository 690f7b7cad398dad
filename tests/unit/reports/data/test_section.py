"""Data validation: rows, statistics, schema, anomalies and distances, as TFX's own libraries left them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from reports.data import distances, schema
from reports.data import rows as data_rows
from reports.data import statistics as data_statistics
from reports.data.rows import read_rows, rows_part
from reports.data.section import data_section
from reports.reading.run_data import Artifact, Node, NodeState, Run
from reports.section import Picture, Table
from reports.verdict import Verdict
from schema import RATINGS_SCHEMA


def run_of(output: Path, *nodes: Node) -> Run:
    return Run("r", "movielens", output, nodes, "ml-tiny", synthetic=False)


def done(node_id: str, channel: str, folder: Path) -> Node:
    folder.mkdir(parents=True, exist_ok=True)
    return Node(node_id, NodeState.DONE, outputs={channel: (Artifact(1, "T", str(folder)),)})


def column(table: Table, title: str) -> list[Any]:
    place = [found.title for found in table.columns].index(title)
    return [row[place] for row in table.rows]


def statistics(**values: list[Any]) -> Any:
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(values), n_jobs=1)


def curated() -> Any:
    return text_format.Parse(RATINGS_SCHEMA.read_text("utf-8"), schema_pb2.Schema())


def rejected_csv(path: Path, rows: int) -> None:
    lines = [f"u.data,{line},bad_rating,<b>{line}</b>" for line in range(1, rows + 1)]
    path.write_text("\n".join(["file,line,reason,text", *lines, 'u.data,99,unknown_user,"a, b"']) + "\n")


def test_rows_and_reasons(tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    node = done("RatingsGen", "examples", folder)
    counts = {
        "files": {"u.data": {"rows": 200, "rejected": {"bad_rating": 12, "unknown_user": 1}}},
        "dropped": 5,
        "examples": {"train": 170, "eval": 12},
    }
    (folder / "counts.json").write_text(json.dumps(counts))
    rejected_csv(folder / "rejected.csv", 12)

    part = rows_part({"RatingsGen": read_rows(run_of(tmp_path, node), "RatingsGen"), "MoviesGen": None})

    assert part.answer == "200 rows read, 13 rejected, 5 dropped by the settings."
    assert part.verdict is Verdict.WARNING
    reasons, rows = part.tables
    assert reasons.rows == (
        ("u.data", 200, "bad rating", 12, 0.06),
        ("u.data", 200, "unknown user", 1, 0.005),
    )
    assert len(rows.rows) == 11, "ten of one reason and one of the other"
    assert rows.rows[-1] == ("u.data", 99, "unknown user", "a, b")


def test_rows_of_a_node_that_failed(tmp_path: Path) -> None:
    """TFX removes the artifact of a failed node; the rejected rows stay beside it."""
    folder = tmp_path / "artifacts" / "RatingsGen" / "examples"
    folder.mkdir(parents=True)
    rejected_csv(folder / "7.rejected.csv", 3)

    run = run_of(tmp_path, Node("RatingsGen", NodeState.FAILED))
    found = read_rows(run, "RatingsGen")

    assert found is not None
    assert found.reasons == {("u.data", "bad_rating"): 3, ("u.data", "unknown_user"): 1}
    part = rows_part({"RatingsGen": found})
    assert (part.answer, part.verdict) == ("RatingsGen failed over 4 rejected rows.", Verdict.FAILED)
    assert part.tables[0].rows[0] == ("u.data", None, "bad rating", 3, None)
    assert data_rows.metrics({"RatingsGen": found})["RatingsGen"]["rejected"] == {
        "u.data: bad_rating": 3,
        "u.data: unknown_user": 1,
    }


def test_a_run_that_read_nothing_has_that_answer(tmp_path: Path) -> None:
    section = data_section(run_of(tmp_path, Node("RatingsGen", NodeState.FAILED)))

    assert section.answer.startswith("No node has read raw rows. Nothing was validated")
    assert section.metrics["checks"] == {}


def test_statistics_by_split() -> None:
    train = statistics(user_rating=[1.0, 2.0, 3.0, 4.0], user_gender=["Male", "Male", "Male", "Female"])
    evaluation = statistics(user_rating=[5.0, None], user_gender=["Male", "Male"])

    part = data_statistics.statistics_part("ratings", {"train": train, "eval": evaluation})

    numbers, texts = part.tables
    assert column(numbers, "split") == ["train", "eval"]
    assert column(numbers, "mean") == [2.5, 5.0]
    assert column(numbers, "missing") == [0.0, 0.5]
    first, second = column(numbers, "distribution")
    assert isinstance(first, Picture)
    assert first.svg.count("<path") >= 2, "both splits are drawn"
    assert second == ""
    assert column(texts, "distinct") == [2, 1]
    assert column(texts, "most frequent") == ["Male (3), Female (1)", "Male (2)"]


def test_statistics_are_read_train_first(tmp_path: Path) -> None:
    for split in ("eval", "train"):
        (tmp_path / f"Split-{split}").mkdir()
        proto = statistics(a=[1.0])
        (tmp_path / f"Split-{split}" / "FeatureStats.pb").write_bytes(proto.SerializeToString())

    assert list(data_statistics.read_statistics(tmp_path)) == ["train", "eval"]


def test_checks_that_miss_their_threshold_come_first() -> None:
    def check(
        feature: str, metric: float, threshold: float | None, verdict: Verdict
    ) -> distances.DistanceCheck:
        return distances.DistanceCheck("drift", feature, "L-infinity", metric, threshold, verdict)

    part = distances.checks_part(
        [
            check("free", 0.9, None, Verdict.NO_THRESHOLD),
            check("good", 0.01, 0.05, Verdict.PASSED),
            check("bad", 0.06, 0.05, Verdict.FAILED),
            check("worse", 0.5, 0.05, Verdict.FAILED),
        ],
        (),
    )

    assert column(part.tables[0], "feature") == ["worse", "bad", "good", "free"]
    assert column(part.tables[0], "threshold") == [0.05, 0.05, 0.05, "no threshold"]
    assert part.answer == "2 of 3 distances with a threshold are above it: worse (drift), bad (drift)."
    assert part.verdict is Verdict.FAILED


def test_anomalies_of_a_validator(tmp_path: Path) -> None:
    bad = statistics(user_rating=[99.0], user_gender=["Robot"])
    folder = tmp_path / "Split-eval"
    folder.mkdir()
    found = tfdv.validate_statistics(bad, curated())
    (folder / "SchemaDiff.pb").write_bytes(found.SerializeToString())

    anomalies = list(schema.read_anomalies("ratings", tmp_path))
    part = schema.anomalies_part(anomalies, ["ratings"])

    by_feature = {anomaly.feature: anomaly for anomaly in anomalies}
    assert {"user_rating", "user_gender"} <= set(by_feature)
    assert by_feature["user_gender"].split == "eval"
    assert "Robot" in by_feature["user_gender"].description
    assert part.verdict is Verdict.FAILED
    assert schema.anomalies_part([], ["ratings"]).verdict is Verdict.PASSED


def test_the_gate_has_the_last_word_on_anomalies(tmp_path: Path) -> None:
    """What the gate lets pass is a warning on the page, and the section has the verdict of the gate."""
    folder = tmp_path / "anomalies" / "Split-eval"
    folder.mkdir(parents=True)
    found = tfdv.validate_statistics(statistics(user_gender=["Robot"]), curated())
    (folder / "SchemaDiff.pb").write_bytes(found.SerializeToString())
    check = {
        **{"name": "anomaly", "feature": "ratings.user_gender", "measure": "ENUM_TYPE", "value": 1},
        **{"threshold": 0, "bound": "at most", "where": "eval split", "detail": ""},
    }
    verdicts = {}
    for verdict in ("allowed", "failed"):
        record = {
            "accepted": verdict == "allowed",
            "baseline": {"note": "no other run"},
            "checks": [{**check, "verdict": verdict}],
        }
        (tmp_path / verdict).mkdir()
        (tmp_path / verdict / "data_gate.json").write_text(json.dumps(record))
        section = data_section(
            run_of(
                tmp_path,
                done("RatingsValidator", "anomalies", tmp_path / "anomalies"),
                done("DataGate", "gate_result", tmp_path / verdict),
            )
        )
        [part] = [part for part in section.parts if part.id == "data-anomalies"]
        by_feature = dict(
            zip(column(part.tables[0], "feature"), column(part.tables[0], "verdict"), strict=True)
        )
        verdicts[verdict] = (section.verdict, by_feature["user_gender"])
    assert verdicts == {
        "allowed": (Verdict.WARNING, Verdict.WARNING),
        "failed": (Verdict.FAILED, Verdict.FAILED),
    }


def test_schema_rules() -> None:
    part = schema.schema_part({"ratings": curated()})

    rows = {str(row[0]): row for row in part.tables[0].rows}
    assert rows["user_rating"][2:6] == ("float", "required", "1", "0.5 to 5")
    assert rows["user_gender"][5] == "Female, Male"
    assert rows["user_occupation_text"][5].endswith("and 27 more")  # type: ignore[union-attr]
    assert rows["timestamp"][7] is None, "time is meant to move"


def test_distances_are_those_of_the_gate(tmp_path: Path) -> None:
    check = {
        "feature": "ratings.user_gender",
        "measure": "L-infinity distance",
        "where": "eval against train",
    }
    checks = [
        {**check, "name": "train/eval skew", "value": 0.07, "threshold": 0.0912, "verdict": "passed"},
        {**check, "name": "drift", "value": 0.4, "threshold": 0.0601, "verdict": "failed"},
        {**check, "name": "drift", "value": None, "threshold": None, "verdict": "not compared"},
        {**check, "name": "volume", "value": 7.0, "threshold": 9.0, "verdict": "failed"},
    ]
    whole = [{**found, "bound": "at most", "detail": ""} for found in checks]
    text = json.dumps({"accepted": False, "baseline": {"note": "compared with run 7"}, "checks": whole})
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "data_gate.json").write_text(text)

    section = data_section(run_of(tmp_path, done("DataGate", "gate_result", tmp_path / "gate")))

    found = section.metrics["checks"]
    assert {name: one["ratings.user_gender"]["threshold"] for name, one in found.items()} == {
        "train/eval skew: eval against train": 0.0912,
        "drift: eval against train": 0.0601,
    }
    [part] = [part for part in section.parts if part.id == "data-checks"]
    assert part.text == ("Drift: compared with run 7.",)
