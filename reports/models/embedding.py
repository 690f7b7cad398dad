"""A map of the movies as the retrieval model sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from reports.charts import palette, plots
from reports.charts.points import Point, render_points
from reports.models.projection import principal_plane
from reports.reading.movies import ReportedMovie
from reports.section import Chart, Column, Part, Table

# Points that a drawing can hold and a reader distinguish.
MOST_MOVIES: Final = 1_000
_NAMED: Final = 12
_OTHER: Final = "other"
_MARKERS: Final = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class MovieEmbeddings:
    """What a fit leaves of the catalogue, [M] movies.

    Attributes:
      ids: movie ids.
      vectors: [M, dim].
      train_ratings: [M] ratings in training.
    """

    ids: list[bytes]
    vectors: npt.NDArray[np.float32]
    train_ratings: npt.NDArray[np.int64]

    def nearest(self, movie: bytes, among: Sequence[bytes]) -> tuple[bytes, float] | None:
        """The movie whose embedding is nearest by its cosine, and that; None where there is none to compare.

        Args:
          movie: its id.
          among: ids; those that the catalogue lacks are passed over.
        """
        known = [other for other in dict.fromkeys(among) if other in self._places and other != movie]
        if movie not in self._places or not known:
            return None
        own, others = self.vectors[self._places[movie]], self.vectors[[self._places[one] for one in known]]
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(own)
        cosines = others @ own / np.where(lengths > 0, lengths, 1.0)
        best = int(cosines.argmax())
        return known[best], float(cosines[best])

    @cached_property
    def _places(self) -> dict[bytes, int]:
        return {movie: place for place, movie in enumerate(self.ids)}

    @property
    def ratings_by_id(self) -> dict[bytes, int]:
        """The ratings in training of every movie of the catalogue."""
        return dict(zip(self.ids, self.train_ratings.tolist(), strict=True))


def read_embeddings(path: Path) -> MovieEmbeddings:
    """Reads the file that a fit of the retrieval model leaves."""
    with np.load(path, allow_pickle=False) as found:
        return MovieEmbeddings(found["movie_id"].tolist(), found["embedding"], found["train_ratings"])


def embedding_part(model: str, found: MovieEmbeddings, movies: Mapping[bytes, ReportedMovie]) -> Part:
    """The most rated movies on the plane in which their embeddings differ most, coloured by genre."""
    most = np.argsort(-found.train_ratings, kind="stable")[:MOST_MOVIES]
    plane, kept = principal_plane(found.vectors[most])
    shown = [movies.get(found.ids[position], ReportedMovie("", ())) for position in most]
    genres, colours = _genres_of(shown)
    filters = [genre for genre, _ in _counted(shown).most_common()]
    chart_id = f"{model}-movie-map"
    drawing, axes = plots.new_figure(plots.WIDE, 640)
    axes.grid(visible=False)
    styles = {
        genre: (role, marker) for genre, role, marker in zip(colours, palette.SERIES, _MARKERS, strict=False)
    }
    for genre, (role, marker) in styles.items():
        axes.plot([], [], marker, ms=6, color=role.light, label=f"{genre} ({genres.count(genre)})")
    for place in range(min(_NAMED, len(shown))):
        axes.annotate(
            plots.shortened(shown[place].title, 24),
            plane[place],
            xytext=(5, 5),
            textcoords="offset points",
            color=palette.INK.light,
        )
    for set_limits, values in ((axes.set_xlim, plane[:, 0]), (axes.set_ylim, plane[:, 1])):
        margin = 0.04 * (np.ptp(values) or 1.0)
        set_limits(values.min() - margin, values.max() + margin)
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second principal component")
    plots.legend_above(axes)
    # The most rated movies are drawn last, so that no other one is on top of them.
    dots = [
        Point(
            float(plane[place, 0]),
            float(plane[place, 1]),
            f"{movie.title}: {', '.join(movie.genres)}; {found.train_ratings[most[place]]:,} ratings",
            *styles[genres[place]],
            tuple(filters.index(genre) for genre in movie.genres),
        )
        for place, movie in reversed(list(enumerate(shown)))
    ]
    answer = (
        f"{len(shown):,} of {len(found.ids):,} movies; the plane keeps {kept:.0%} of what their embeddings "
        f"of width {found.vectors.shape[1]} differ by."
    )
    chart = Chart(
        chart_id,
        "Which movies are close to each other?",
        answer,
        render_points(drawing, axes, chart_id, dots),
        f"Scatter plot of movies by the first two principal components of their embeddings, coloured by "
        f"genre: {', '.join(colours)}. {answer}",
        note=f"The {len(shown):,} movies with most ratings in training; named are the first {_NAMED}, and "
        "the others when a mouse is over them. A movie has the colour of the first of its genres among the "
        f"{len(colours) - 1} most frequent, and is shown for each of its genres.",
        wide=True,
        data=_centres(model, plane, genres, list(colours)),
        filters=tuple(filters),
    )
    return Part(f"{model}-map", f"{model.capitalize()}: map of the movies", answer=answer, charts=(chart,))


def _counted(movies: list[ReportedMovie]) -> Counter[str]:
    return Counter(genre for movie in movies for genre in movie.genres)


def _genres_of(movies: list[ReportedMovie]) -> tuple[list[str], list[str]]:
    """The genre that each movie is coloured by, and these genres, the most frequent first, `other` last."""
    frequent = [genre for genre, _ in _counted(movies).most_common(len(palette.SERIES) - 1)]
    own = [next((genre for genre in movie.genres if genre in frequent), _OTHER) for movie in movies]
    return own, [*frequent, _OTHER]


def _centres(model: str, plane: npt.NDArray[np.float64], genres: list[str], names: list[str]) -> Table:
    rows = []
    for name in names:
        members = plane[[own == name for own in genres]]
        if len(members):
            x, y = members.mean(axis=0)
            rows.append((name, len(members), float(x), float(y)))
    return Table(
        f"{model}-movie-map-data",
        "Where the movies of each genre are on the map, on average.",
        (
            Column("genre"),
            Column("movies"),
            Column("first component", "+.3f"),
            Column("second component", "+.3f"),
        ),
        tuple(rows),
    )
