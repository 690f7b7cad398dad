"""MovieLensExampleGen: raw MovieLens files in, `ratings` or `movies` Examples out."""

from google.protobuf import struct_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2

from components.movielens_example_gen.executor import MovieLensExampleGenExecutor
from components.movielens_example_gen.settings import ExampleGenSettings
from contracts.features import MOVIES, Table
from movielens.layouts import LAYOUT_SPECS


class MovieLensExampleGen(FileBasedExampleGen):
    """Ingests one table of a MovieLens folder, whatever its layout (100k, 1m, or the CSV family).

    The layout is found when the node runs, so a pipeline can be compiled where the data is not.

    Component `outputs` contains:
     - `examples`: `standard_artifacts.Examples`, gzipped TFRecords of `tf.train.Example`; splits `train`
       and `eval` for `ratings`, `all` for `movies`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(MovieLensExampleGenExecutor)

    def __init__(
        self,
        input_base: str,
        table: Table,
        settings: ExampleGenSettings | None = None,
        code_fingerprint: str = "",
        input_config: example_gen_pb2.Input | None = None,
        range_config: range_config_pb2.RangeConfig | None = None,
    ):
        """Constructs the component; two in one pipeline need `.with_id(...)`.

        Args:
          input_base: folder with the MovieLens files, local or on any storage that TFX reads.
          table: `ratings` (one Example a rating) or `movies` (one a movie of the catalogue).
          settings: split rule, wrangling and limits; the defaults if unset.
          code_fingerprint: digest of the source that makes the Examples, so that a change of code
            misses the cache.
          input_config: by default one input split for each file that the table is read from, in any
            layout, so that TFX's fingerprint covers these files and no others. Give another one to read
            a span, for example a single split with the pattern `span-{SPAN}/*`.
          range_config: which span to read; see `FileBasedExampleGen`.
        """
        settings = settings or ExampleGenSettings()
        config = struct_pb2.Struct()
        config.update(
            {
                "table": table,
                "settings": settings.for_table(table),
                "code_fingerprint": code_fingerprint,
            }
        )
        custom_config = example_gen_pb2.CustomConfig()
        custom_config.custom_config.Pack(config)
        super().__init__(
            input_base=input_base,
            input_config=input_config or _input_config(table, settings),
            # Output splits are the executor's to name: TFX's own output config can only hash rows apart.
            output_config=example_gen_pb2.Output(),
            custom_config=custom_config,
            range_config=range_config,
        )


def _input_config(table: Table, settings: ExampleGenSettings) -> example_gen_pb2.Input:
    """One input split a file name; a name that the folder lacks matches nothing, which TFX allows."""
    names: list[str] = []
    for spec in LAYOUT_SPECS.values():
        names.append(spec.movies_file)
        if table != MOVIES:
            names.append(spec.ratings_file)
            if spec.users_file:
                names.append(spec.users_file)
            if settings.split == "official_fold" and settings.fold <= len(spec.folds):
                names.extend(spec.folds[settings.fold - 1])
    return example_gen_pb2.Input(
        splits=[example_gen_pb2.Input.Split(name=name, pattern=name) for name in sorted(set(names))]
    )
