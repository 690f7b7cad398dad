"""The file layouts that the MovieLens data sets come in, and how the layout of a folder is recognized.

Sources: the README files that GroupLens ships, https://grouplens.org/datasets/movielens/.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from movielens.records import DatasetError


class RatingScale(NamedTuple):
    """The ratings that a data set allows: from `minimum` to `maximum` in steps of `step` stars."""

    minimum: float
    maximum: float
    step: float

    def allows(self, rating: float) -> bool:
        """Whether `rating` is one of the steps."""
        return self.minimum <= rating <= self.maximum and (rating - self.minimum) % self.step == 0


class Layout(str, Enum):
    """File layouts; latest-small, 20m, 25m and 32m share the CSV one, and Kaggle names its files alone."""

    ML_100K = "ml-100k"
    ML_1M = "ml-1m"
    ML_10M = "ml-10m"
    ML_CSV = "ml-csv"
    KAGGLE = "ml-kaggle"

    @property
    def spec(self) -> "LayoutSpec":
        """The files and rules of this layout."""
        return LAYOUT_SPECS[self]


@dataclass(frozen=True, slots=True)
class LayoutSpec:
    """Files and rules of a layout. `users_file` is None where a data set does not have demographics.

    `companion_file` is not read; it distinguishes the layout from one with the same other files.
    """

    ratings_file: str
    movies_file: str
    users_file: str | None
    separator: str
    header: bool
    encoding: str
    rating_scale: RatingScale
    # Official divisions of the ratings file, each a file to train on and one to test on.
    folds: tuple[tuple[str, str], ...] = ()
    companion_file: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The files a folder must hold."""
        names = (self.ratings_file, self.movies_file, self.users_file, self.companion_file)
        return tuple(name for name in names if name is not None)


LAYOUT_SPECS: Final = {
    Layout.ML_100K: LayoutSpec(
        ratings_file="u.data",
        movies_file="u.item",
        users_file="u.user",
        # u.data alone is separated by tabs; `separator` is that of the other two.
        separator="|",
        header=False,
        encoding="latin-1",
        rating_scale=RatingScale(1.0, 5.0, 1.0),
        folds=tuple((f"u{fold}.base", f"u{fold}.test") for fold in range(1, 6)),
    ),
    Layout.ML_1M: LayoutSpec(
        ratings_file="ratings.dat",
        movies_file="movies.dat",
        users_file="users.dat",
        separator="::",
        header=False,
        encoding="latin-1",
        rating_scale=RatingScale(1.0, 5.0, 1.0),
    ),
    Layout.ML_10M: LayoutSpec(
        ratings_file="ratings.dat",
        movies_file="movies.dat",
        users_file=None,
        separator="::",
        header=False,
        encoding="latin-1",
        rating_scale=RatingScale(0.5, 5.0, 0.5),
        companion_file="tags.dat",
    ),
    Layout.ML_CSV: LayoutSpec(
        ratings_file="ratings.csv",
        movies_file="movies.csv",
        users_file=None,
        separator=",",
        header=True,
        encoding="utf-8",
        rating_scale=RatingScale(0.5, 5.0, 0.5),
    ),
    Layout.KAGGLE: LayoutSpec(
        ratings_file="rating.csv",
        movies_file="movie.csv",
        users_file=None,
        separator=",",
        header=True,
        encoding="utf-8",
        rating_scale=RatingScale(0.5, 5.0, 0.5),
    ),
}

# The order of the 19 genre flags that end a line of u.item, in the spelling of TFDS.
ML_100K_GENRES: Final = (
    "Unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)

# Genres that the files spell in another way than TFDS.
GENRE_SPELLINGS: Final = {"Children's": "Children", "unknown": "Unknown"}

# What the occupation codes 0 to 20 of users.dat stand for, in the words of TFDS.
ML_1M_OCCUPATIONS: Final = (
    "other/not specified",
    "academic/educator",
    "artist",
    "clerical/admin",
    "college/grad student",
    "customer service",
    "doctor/health care",
    "executive/managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
)


def matching_layouts(names: Collection[str]) -> list[Layout]:
    """The layouts whose files are all among `names`, the file names of one folder."""
    return [layout for layout, spec in LAYOUT_SPECS.items() if set(spec.files) <= set(names)]


def detect_layout(names: Collection[str], where: str) -> Layout:
    """Returns the layout of a folder, recognized by its file names.

    Args:
      names: File names (not paths) in the folder.
      where: The folder, for messages.

    Raises:
      DatasetError: There are no files, they do not make up a layout, or make up more than one.
    """
    if not names:
        raise DatasetError(
            f"{where} is empty: put the files of one MovieLens data set there, or name another folder"
        )
    found = matching_layouts(names)
    if len(found) == 1:
        return found[0]
    if found:
        layouts = " and ".join(layout.value for layout in found)
        raise DatasetError(f"{where} holds the files of {layouts}: keep each data set in a folder of its own")
    begun = [layout for layout in Layout if set(layout.spec.files) & set(names)]
    lacking = "; ".join(_lacks(layout, names) for layout in begun or Layout)
    raise DatasetError(f"{where} does not hold a MovieLens data set: {lacking}")


def _lacks(layout: Layout, names: Collection[str]) -> str:
    missing = [name for name in layout.spec.files if name not in names]
    return f"{layout.value} would also need {', '.join(missing)}"
