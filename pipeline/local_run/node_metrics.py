"""The summary of each node in one line, read from the artifacts that it gave out.

A component overrides it by the custom property `summary` on an output.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from contracts import artifacts, features
from contracts.artifacts import REFUSAL_REASON
from pipeline.local_run.node_run import NodeRun, OutputArtifact

SUMMARY: Final = "summary"


def node_summary(node: NodeRun) -> str:
    """The node's summary, "" if there is nothing to show."""
    for output in node.outputs:
        if SUMMARY in output.properties:
            return str(output.properties[SUMMARY])
    # The models of a run are pushed, or not, under one version and for one reason.
    metrics = dict.fromkeys(map(_summary, node.outputs))
    return ", ".join(metric for metric in metrics if metric)


def _examples(output: OutputArtifact) -> str:
    counts = output.properties
    parts = [
        f"{counts[name]:,} {words}"
        for name, words in (
            (artifacts.ROWS_READ, "rows in"),
            (artifacts.ROWS_REJECTED, "rejected"),
            (artifacts.ROWS_DROPPED, "dropped"),
            (artifacts.USERS_COUNT, "users"),
            (artifacts.MOVIES_COUNT, "movies"),
            (artifacts.EXAMPLES_PREFIX + features.TRAIN_SPLIT, "train"),
            (artifacts.EXAMPLES_PREFIX + features.EVAL_SPLIT, "eval"),
        )
        if counts.get(name)
    ]
    return ", ".join(parts)


def _anomalies(output: OutputArtifact) -> str:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    found = set()
    for path in Path(output.uri).glob("Split-*/SchemaDiff.pb"):
        anomalies = anomalies_pb2.Anomalies.FromString(path.read_bytes())
        found.update(anomalies.anomaly_info)
        if anomalies.data_missing:
            found.add(f"{path.parent.name} is empty")
    return f"anomalies: {', '.join(sorted(found))}" if found else "no anomalies"


def _fit(output: OutputArtifact) -> str:
    path = Path(output.uri) / artifacts.FIT_FILE
    if not path.is_file():
        return ""
    fit = json.loads(path.read_text(encoding="utf-8"))
    epochs = max(map(len, fit["epochs"].values()))
    best = f"best epoch {fit['best_epoch']} of {epochs}"
    return f"{fit['monitor']} {fit['best']:.4f}, {best}{_index(output)}"


def _index(output: OutputArtifact) -> str:
    """What partitions were measured to find, in the SavedModel or refused; nothing where none were made."""
    path = Path(output.uri) / artifacts.INDEX_FILE
    if not path.is_file():
        return ""
    index = json.loads(path.read_text(encoding="utf-8"))["candidates"]
    if "recall" not in index:
        return ""
    if index["kind"] == "partitioned":
        return f", partitions find {index['recall']:.1%} of brute force's first {index['depth']}"
    return f", brute force because {index['reason']}"


def _evaluation(output: OutputArtifact) -> str:
    from pipeline.evaluation.eval_config import summarize
    from reports.reading.evaluation_results import read_metrics

    return summarize(read_metrics(output.uri))


def _pushed(output: OutputArtifact) -> str:
    if not output.properties.get("pushed"):
        why = output.properties.get(REFUSAL_REASON)
        return f"nothing pushed: {why}" if why else "nothing pushed"
    return f"pushed version {output.properties['pushed_version']}"


def _summary(output: OutputArtifact) -> str:
    if output.channel.startswith(artifacts.PUSHED_PREFIX):
        return _pushed(output)
    return _BY_CHANNEL[output.channel](output) if output.channel in _BY_CHANNEL else ""


_BY_CHANNEL: Final[Mapping[str, Callable[[OutputArtifact], str]]] = {
    "examples": _examples,
    "anomalies": _anomalies,
    "model_run": _fit,
    "evaluation": _evaluation,
}
