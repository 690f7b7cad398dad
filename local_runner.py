"""Runs the pipeline on this machine: from raw MovieLens ratings to validated, pushed SavedModels."""

import argparse
import contextlib
import datetime
import json
import logging
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from pipeline.config import ConfigError, PipelineConfig, load_config
from pipeline.settings_flags import add_settings_flags

if TYPE_CHECKING:
    from pipeline.data_source import DataSource
    from pipeline.local_run.killed_run import KillReporter

# TFX takes seconds to import, so bad input is refused before that, and `--help` does without.

SUCCEEDED, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

_EPILOG: Final = """\
examples:
  local_runner.py
      the embedded synthetic sample; works without a network
  local_runner.py --dataset ml-100k
      MovieLens 100k, downloaded from GroupLens and verified
  local_runner.py --data-dir ~/data/ml-1m --output runs/1m --split temporal
      a folder that is already there, with another split
  local_runner.py --config my.yaml --set ranking.epochs=5 --set 'ranking.hidden_units=[64, 32]'
      settings from a file, two of them overridden; pipeline/configs/default.yaml lists all
  local_runner.py --dataset ml-100k --preset best
      the most accurate settings that come with the project, which take longer
  local_runner.py --dataset ml-100k --tune ranking --set tuning.trials=30
      looks for better ones first; `python -m pipeline preset` keeps what was found
  local_runner.py --set sample.ratings=1000000
      a larger synthetic sample

The environment variable MOVIELENS_DIR can stand for --data-dir. A second run reuses whatever did not
change. Exit status: 0 pushed, 1 the run failed or a model was not good enough, 2 bad input.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline by the flags and returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    args = _parser().parse_args(argv)
    from pipeline.data_source import DatasetError, find_data, with_source

    log_path: Path | None = None
    try:
        config = _config(args)
        again = _command(argv, config)
        log_path = _open_output(Path(config.output))
        source = find_data(config)
    except (ConfigError, DatasetError) as error:
        if args.verbose:
            traceback.print_exc()
        return _fail(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED, *([again] if log_path else []))

    from pipeline.local_run.failure_advice import failure_advice
    from pipeline.local_run.killed_run import KillReporter
    from pipeline.local_run.metadata_file import check_metadata
    from pipeline.local_run.run_lock import OutputInUseError, run_lock
    from pipeline.local_run.run_summary import shown

    after_failure = (f"log: {shown(str(log_path))}   run again (what is done is reused):", again)
    try:
        with _stoppable() as stopped, run_lock(Path(config.output)), KillReporter(after_failure) as reporter:
            check_metadata(Path(config.metadata_path), Path(config.artifact_root))
            config = with_source(config, source)
            status, problem = _run(config, source, log_path, reporter, args.jobs, verbose=args.verbose)
    except ConfigError as error:
        return _fail(str(error), BAD_INPUT)
    except OutputInUseError as error:
        return _fail(str(error), FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED, *after_failure)
    except OSError as error:
        return _fail(failure_advice(error, Path(config.output)) or str(error), FAILED, again)
    if stopped:
        # Whatever the interruption turned into on its way through Beam and TFX.
        status, problem = INTERRUPTED, "interrupted"
    return status if status == SUCCEEDED else _fail(problem, status, *after_failure)


def _command(argv: Sequence[str], config: PipelineConfig) -> str:
    """The command line that starts the same run again from here."""
    from pipeline.data_source import DATA_VARIABLE
    from pipeline.local_run.run_summary import shown

    line = shlex.join([shown(sys.executable), shown(__file__), *argv])
    data = os.environ.get(DATA_VARIABLE, "") if config.data_dir is None else ""
    return f"{DATA_VARIABLE}={shlex.quote(data)} {line}" if data else line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="local_runner.py",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--dataset", metavar="NAME", help="ml-100k, ml-1m, ml-latest-small, ml-20m, ml-25m or ml-32m"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="folder with raw MovieLens files of any layout")
    parser.add_argument("--output", metavar="DIR", help="root folder of everything that is written (runs)")
    parser.add_argument(
        "--tune",
        metavar="MODEL",
        nargs="*",
        help="search for hyperparameters before the training: of all models, or of those named",
    )
    parser.add_argument(
        "--split",
        metavar="RULE",
        help="leave_last_out (the default), temporal, random or official_fold; each has its own defaults",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_jobs,
        help="nodes that run side by side (2 where there are two cores and 8 GB of memory, else 1); "
        "take 1 where a GPU trains",
    )
    add_settings_flags(parser)
    return parser


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of nodes: 1 or more")
    return int(text)


def _config(args: argparse.Namespace) -> PipelineConfig:
    flags = {
        "dataset": args.dataset,
        "data_dir": args.data_dir,
        "output": args.output,
        "data.split": args.split,
        "tuning.models": args.tune or None,
    }
    # JSON is YAML in which nothing needs a thought about quoting.
    given = [f"{key}={json.dumps(value)}" for key, value in flags.items() if value is not None]
    config = load_config(args.config, [*args.overrides, *given], args.preset)
    if args.tune == []:  # `--tune` alone is all that is trained.
        given.append(f"tuning.models={json.dumps(config.models)}")
        config = load_config(args.config, [*args.overrides, *given], args.preset)
    for flag, value in (("output", config.output), ("data_dir", config.data_dir)):
        if "://" in (value or ""):
            raise ConfigError(
                f"{flag} is {value}: the local runner reads and writes on this machine, so name a folder; "
                "kubeflow_runner.py compiles a pipeline for storage such as gs://"
            )
    # TFX takes paths into its cache keys, so they must not depend on the working directory.
    return config.model_copy(update={"output": str(Path(config.output).expanduser().absolute())})


def _open_output(output: Path) -> Path:
    """Returns the path for a new log file below `output`, after a check that it can be written."""
    log_path = output / "logs" / f"{datetime.datetime.now():%Y-%m-%dT%H-%M-%S.%f}.log"
    try:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        log_path.touch()
        log_path.unlink()
    except OSError as error:
        raise ConfigError(
            f"{output} cannot be written ({error.strerror}); name another folder with --output"
        ) from error
    return log_path


def _run(
    config: PipelineConfig,
    source: "DataSource",
    log_path: Path,
    reporter: "KillReporter",
    jobs: int | None,
    *,
    verbose: bool,
) -> tuple[int, str]:
    """Runs the pipeline and shows its progress; returns the exit status and what went wrong."""
    from pipeline.local_run.console import RunConsole
    from pipeline.local_run.ending import RunEnding
    from pipeline.local_run.failure_advice import failure_advice
    from pipeline.local_run.killed_run import KillReportingObserver
    from pipeline.local_run.log_capture import captured_output
    from pipeline.local_run.node_run import NodeFailedError
    from pipeline.local_run.root_cause import root_cause
    from pipeline.local_run.run_summary import problems, shown, summary_lines

    title = f"{config.pipeline_name}: {source.name}, split {config.data.split_name}"
    with captured_output(log_path, show=verbose) as terminal:
        try:
            for file, columns in source.ignored.items():
                print(f"{file}: not read: column {', '.join(columns)}", file=terminal)
            print("loading TensorFlow and TFX ...", file=terminal)
            from pipeline.local_run import local_dag
            from pipeline.local_run.schedule import jobs_for_this_machine
            from pipeline.pipeline import create_pipeline

            dag = create_pipeline(config)
            with RunConsole(terminal, local_dag.node_ids(dag), title) as console:
                observer = KillReportingObserver(reporter, console)
                nodes = local_dag.run(dag, observer, jobs or jobs_for_this_machine())
            measured_on = f"eval split, {config.data.split_name}, {source.name}"
            ending = RunEnding(nodes, config, source.name, log_path)
            found = problems(nodes)
            for line in ending.sent("; ".join(found)):
                print(line, file=terminal)
            pages = {"report of this run": ending.report, "index of the runs": ending.index}
            lines = summary_lines(nodes, measured_on, pages, log_path, Path(config.output))
            print("", *lines, sep="\n", file=terminal)
        except KeyboardInterrupt:
            return INTERRUPTED, "interrupted"
        except NodeFailedError as error:
            logging.exception("the run failed")
            advice = failure_advice(error, Path(config.output))
            problem = f"{error.node_id}: {advice}" if advice else str(error)
            # Where the disk is full there is no page about it.
            with contextlib.suppress(OSError):
                ending = RunEnding(error.finished, config, source.name, log_path)
                if ending.report:
                    print(f"\nWhat happened, as a page: {shown(str(ending.report))}", file=terminal)
                for line in ending.sent(problem):
                    print(line, file=terminal)
            return FAILED, problem
        except Exception as error:
            logging.exception("the run failed")
            return FAILED, failure_advice(error, Path(config.output)) or root_cause(error)
    return (FAILED if found else SUCCEEDED), "; ".join(found)


@contextlib.contextmanager
def _stoppable() -> Iterator[list[int]]:
    """Ends the run in the same clean way for Ctrl-C and SIGTERM; yields the signals that came."""
    came: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _fail(message: str, status: int, *below: str) -> int:
    with contextlib.suppress(BrokenPipeError):
        print(f"error: {message}", *below, sep="\n", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
