"""The Beam pipeline from a movies file to `movies` Examples."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from components.movielens_example_gen import examples
from components.movielens_example_gen.ratings import REJECTED
from components.movielens_example_gen.source import RawSource
from components.movielens_example_gen.summary import Summary
from components.movielens_example_gen.writer import open_shard
from contracts.features import MOVIES_SPLIT
from movielens.records import Rejected


class WriteMovies(beam.DoFn):
    """Source -> one file with every movie, in the order of the movies file, and the counts."""

    def __init__(self, split_uri: str):
        """Writes into the folder of the split."""
        self._split_uri = split_uri

    def process(self, source: RawSource) -> Iterator[Any]:
        """Reads the movies file as one: duplicates show only there, and it has at most 90,000 rows."""
        rejected: list[Rejected] = []
        written = 0
        with open_shard(self._split_uri, 0, 1) as writer:
            for _, movie in source.movies():
                if isinstance(movie, Rejected):
                    rejected.append(movie)
                else:
                    writer.write(examples.example(examples.movie_features(movie)))
                    written += 1
        summary = Summary(
            read=Counter({source.spec.movies_file: written + len(rejected)}),
            examples=Counter({MOVIES_SPLIT: written}),
        )
        summary.mark_movies(np.arange(written))
        summary.count_rejected(rejected)
        yield summary
        for row in rejected:
            yield beam.pvalue.TaggedOutput(REJECTED, row)


def ingest_movies(pipeline: Any, source: RawSource, split_uri: str) -> tuple[Any, Any]:
    """Adds the ingestion to a Beam pipeline; returns PCollections of `Summary` and of `Rejected`."""
    outputs = (
        pipeline
        | "Folder" >> beam.Create([source], reshuffle=False)
        | "WriteMovies" >> beam.ParDo(WriteMovies(split_uri)).with_outputs(REJECTED, main="main")
    )
    return outputs.main, outputs[REJECTED]
