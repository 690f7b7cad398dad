"""Runs the pipeline up to Transform for a split, and writes its ratings as arrays: a child of `prepared`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.worker import cut_behind
from pipeline.config import PipelineConfig
from pipeline.local_run.node_run import NodeRun
from studies.child import OnProgress, as_child
from studies.data.prepared import ARRAYS_FILE, PreparedSplit

_LAST_NODE: Final = "Transform"


@dataclass(frozen=True)
class _PrepareProgress:
    """A `RunObserver` that reports which node runs."""

    on_progress: OnProgress

    def node_started(self, node_id: str) -> None:
        self.on_progress(node_id)

    def node_finished(self, node: NodeRun) -> None:
        pass

    def node_failed(self, node_id: str) -> None:
        pass

    def note(self, message: str) -> None:
        self.on_progress(message)


def _work(task: dict[str, Any], on_progress: OnProgress) -> dict[str, Any]:
    on_progress("loading TensorFlow and TFX")
    from contracts.features import EVAL_SPLIT, TRAIN_SPLIT
    from pipeline.local_run import local_dag
    from pipeline.pipeline import create_pipeline
    from studies.data.example_arrays import read_split

    config = PipelineConfig.model_validate(task["config"])
    dag = create_pipeline(config)
    cut_behind(dag, _LAST_NODE)
    uris = {
        (node.node_id, output.channel): output.uri
        for node in local_dag.run(dag, _PrepareProgress(on_progress))
        for output in node.outputs
    }
    ratings, movies = uris["RatingsGen", "examples"], uris["MoviesGen", "examples"]
    transformed = uris[_LAST_NODE, "transformed_examples"]
    folder = Path(config.output)
    on_progress("writing the ratings as arrays")
    raw = {split: f"{ratings}/Split-{split}/*" for split in (TRAIN_SPLIT, EVAL_SPLIT)}
    movie_files = f"{movies}/Split-all/*"
    read_split(raw[TRAIN_SPLIT], raw[EVAL_SPLIT], movie_files).write(folder / ARRAYS_FILE)
    PreparedSplit(
        data=task["data"],
        name=task["name"],
        split=config.data.split,
        made_from=task["made_from"],
        arrays=str(folder / ARRAYS_FILE),
        raw_eval=raw[EVAL_SPLIT],
        train=f"{transformed}/Split-{TRAIN_SPLIT}/*",
        evaluation=f"{transformed}/Split-{EVAL_SPLIT}/*",
        movies=movie_files,
        transform_graph=uris[_LAST_NODE, "transform_graph"],
        history_length=config.data.history_length,
    ).write(folder)
    return {}


if __name__ == "__main__":
    sys.exit(as_child(sys.argv[1:], _work))
