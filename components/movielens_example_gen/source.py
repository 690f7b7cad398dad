"""The folder that the raw files are read from: any storage that TFX supports, any MovieLens layout."""

import io
import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from tfx.dsl.io import fileio

from movielens.chunks import Chunk, plan_chunks, read_chunk
from movielens.csv_rows import CsvFormat
from movielens.layouts import Layout, LayoutSpec, detect_layout
from movielens.readers import parse_movies, parse_ratings, read_format
from movielens.records import DatasetError, Movie, Rating, Rejected, RejectReason

# Big enough that a chunk holds several ratings of most users, small enough to spread over workers.
CHUNK_BYTES = 8 << 20


@dataclass(frozen=True)
class Task:
    """A chunk of a file for one worker, and which of its lines a permutation or a fold put into eval.

    `held_out` is a packed bit array with one bit a line of the chunk, empty under the other split rules.
    """

    chunk: Chunk
    held_out: bytes = b""


@dataclass(frozen=True)
class RawSource:
    """A folder of MovieLens files, small enough to be sent to every worker.

    `forms` has the formats of CSV files, by name: a chunk in the middle of a file lacks a header.
    """

    folder: str
    layout: Layout
    forms: Mapping[str, CsvFormat | None] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: str) -> "RawSource":
        """Finds the layout of `folder`.

        Raises:
          DatasetError: The folder is missing or empty or lacks a layout, or a file has a wrong header.
        """
        if not fileio.isdir(folder):
            raise DatasetError(f"{folder}: there is no such folder; name the one with the MovieLens files")
        names = [os.fsdecode(name).rstrip("/") for name in fileio.listdir(folder)]
        layout = detect_layout(names, folder)
        forms = {}
        # Here the error keeps its class and its one line; a Beam worker would wrap it in a traceback.
        for file in (layout.spec.ratings_file, layout.spec.movies_file):
            path = posixpath.join(folder, file)
            with fileio.open(path, "rb") as stream:
                first = stream.read(1 << 16).partition(b"\n")[0]
            forms[file] = read_format(first, layout, path)
        return cls(folder, layout, forms)

    @property
    def spec(self) -> LayoutSpec:
        """The files and rules of the layout."""
        return self.layout.spec

    def path(self, file: str) -> str:
        """The full path of `file`."""
        return posixpath.join(self.folder, file)

    def chunks(self, file: str, chunk_bytes: int = CHUNK_BYTES) -> list[Chunk]:
        """Cuts `file` into chunks of whole lines."""
        path = self.path(file)
        return plan_chunks(lambda: fileio.open(path, "rb"), fileio.stat(path).length, chunk_bytes)

    def lines(self, file: str, chunk: Chunk) -> Iterator[bytes]:
        """Yields the lines of `chunk`."""
        with fileio.open(self.path(file), "rb") as stream:
            stream.seek(chunk.offset)
            content = io.BytesIO(stream.read(chunk.length))
        yield from read_chunk(content, chunk._replace(offset=0))

    def count_rows(self, file: str, chunks: list[Chunk]) -> int:
        """Lines of `file` without its header."""
        if not chunks:
            return 0
        last = chunks[-1].first_line + sum(1 for _ in self.lines(file, chunks[-1])) - 1
        return last - self.spec.header

    def tasks(self, chunks: list[Chunk], held_out: npt.NDArray[np.bool_] | None) -> list[Task]:
        """Gives each chunk its part of `held_out`, which has one entry a line after the header."""
        if held_out is None:
            return [Task(chunk) for chunk in chunks]
        # One entry a line of the file, so that line n is entry n - 1, header or not.
        by_line = np.concatenate([np.zeros(int(self.spec.header), np.bool_), held_out])
        ends = [chunk.first_line - 1 for chunk in chunks[1:]] + [len(by_line)]
        return [
            Task(chunk, np.packbits(by_line[chunk.first_line - 1 : end]).tobytes())
            for chunk, end in zip(chunks, ends, strict=True)
        ]

    def ratings(self, chunk: Chunk, file: str | None = None) -> Iterator[tuple[int, Rating | Rejected]]:
        """Yields every row of a chunk of the ratings file, or of one of its folds, with its line number."""
        file = file or self.spec.ratings_file
        lines = self.lines(file, chunk)
        return parse_ratings(lines, self.layout, file, chunk.first_line, self.forms.get(file))

    def movies(self) -> Iterator[tuple[int, Movie | Rejected]]:
        """Yields every row of the movies file with its line number, as `movielens.readers` does.

        A second row of one id is rejected, so ids are unique.
        """
        file = self.spec.movies_file
        seen: set[str] = set()
        for chunk in self.chunks(file):
            lines = self.lines(file, chunk)
            form = self.forms.get(file)
            for number, movie in parse_movies(lines, self.layout, file, chunk.first_line, form):
                if isinstance(movie, Movie):
                    if movie.movie_id in seen:
                        movie = Rejected(
                            file, number, RejectReason.DUPLICATE_MOVIE, f"{movie.movie_id}, {movie.title}"
                        )
                    else:
                        seen.add(movie.movie_id)
                yield number, movie
