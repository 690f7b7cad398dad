"""Runs a pipeline in a process of its own and reports on standard output, one JSON object a line.

`python -m benchmarks.worker SETTINGS [LAST_NODE]`, SETTINGS being a `PipelineConfig` as JSON. The way is
that of the local runner: the same log file, the same DAG, the same `local_dag.run`. `LAST_NODE` cuts the
DAG behind that node.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from pipeline.config import PipelineConfig
from pipeline.local_run.log_capture import captured_output
from pipeline.local_run.node_run import NodeRun
from pipeline.local_run.run_summary import problems

LOG_FILE: Final = "benchmark.log"

# Keys and values of the lines.
EVENT, NODE, CACHED, SECONDS, MESSAGES = "event", "node", "cached", "seconds", "messages"
STARTED, FINISHED, FAILED, ENDED = "started", "finished", "failed", "ended"


@dataclass(frozen=True)
class EventWriter:
    """A `RunObserver` that writes each event to a stream."""

    stream: TextIO

    def node_started(self, node_id: str) -> None:
        """Writes that the node starts."""
        self.write(STARTED, node=node_id)

    def node_finished(self, node: NodeRun) -> None:
        """Writes how long the node took."""
        self.write(FINISHED, node=node.node_id, cached=node.cached, seconds=node.seconds)

    def node_failed(self, node_id: str) -> None:
        """Leaves it to the error that ends the run, which has the reason."""

    def note(self, message: str) -> None:
        """Nothing to measure."""

    def write(self, event: str, **values: Any) -> None:
        """Writes one event."""
        print(json.dumps({EVENT: event, **values}), file=self.stream, flush=True)


def main(arguments: list[str]) -> int:
    """Runs the pipeline; returns 0 if all its nodes ended well."""
    config = PipelineConfig.model_validate_json(arguments[0])
    log_path = Path(config.output) / LOG_FILE
    with captured_output(log_path, show=False) as terminal:
        writer = EventWriter(terminal)
        from pipeline.local_run import local_dag
        from pipeline.pipeline import create_pipeline

        dag = create_pipeline(config)
        if len(arguments) > 1:
            cut_behind(dag, arguments[1])
        try:
            nodes = local_dag.run(dag, writer)
        except Exception as error:
            writer.write(FAILED, messages=[str(error)])
            return 1
        writer.write(ENDED, messages=problems(nodes))
    return 0


def cut_behind(dag: Any, last_node: str) -> None:
    """Leaves out the nodes that come after `last_node` in the order of the run."""
    end = [node.id for node in dag.components].index(last_node) + 1
    kept, left_out = dag.components[:end], dag.components[end:]
    for node in left_out:
        for upstream in node.upstream_nodes & set(kept):
            upstream.remove_downstream_node(node)
    dag.components = kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
