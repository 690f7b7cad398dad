"""The catalogue: titles, genres and years from the `movies` Examples."""

from dataclasses import dataclass
from pathlib import Path

from contracts import features
from contracts.features import MOVIES_SPLIT
from reports.reading.examples import example_files


@dataclass(frozen=True)
class ReportedMovie:
    """A movie of the catalogue.

    Attributes:
      title: as in the data, with the year.
      genres: in the order of the data.
    """

    title: str
    genres: tuple[str, ...]


def read_movies(examples: Path) -> dict[bytes, ReportedMovie]:
    """The movies by id.

    Args:
      examples: folder of the `movies` Examples.
    """
    import tensorflow as tf

    movies = {}
    records = tf.data.TFRecordDataset(
        example_files(examples, MOVIES_SPLIT), compression_type="GZIP", buffer_size=1 << 20
    )
    for serialized in records.as_numpy_iterator():
        example = tf.train.Example.FromString(serialized).features.feature
        title = example[features.MOVIE_TITLE].bytes_list.value
        movies[example[features.MOVIE_ID].bytes_list.value[0]] = ReportedMovie(
            title[0].decode("utf-8", errors="replace") if title else "",
            tuple(
                genre.decode("utf-8", errors="replace")
                for genre in example[features.MOVIE_GENRES].bytes_list.value
            ),
        )
    return movies
