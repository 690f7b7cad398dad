"""A shard: every rating of some of the users, cleaned, split, and written as Examples."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from components.movielens_example_gen import examples, splits
from components.movielens_example_gen.history import history_windows
from components.movielens_example_gen.rows import Block, Rows, merge_blocks, repeated_pairs
from components.movielens_example_gen.settings import ExampleGenSettings
from components.movielens_example_gen.source import RawSource
from movielens.records import Movie, Rejected, RejectReason, User, is_valid_zip


class RawCatalogue:
    """The movies, each at its place in the order of the file, ready to be put into Examples."""

    def __init__(self, movies: Iterable[Movie]):
        """Serializes `movies`, whose ids are unique."""
        self.ids: list[str] = []
        self.features: list[bytes] = []
        self.history_items: list[bytes] = []
        for movie in movies:
            self.ids.append(movie.movie_id)
            self.features.append(examples.movie_features(movie))
            self.history_items.append(examples.history_item(movie.movie_id))
        self.position = {movie_id: index for index, movie_id in enumerate(self.ids)}

    @classmethod
    def read(cls, source: RawSource) -> "RawCatalogue":
        """Reads the movies file, at most some 90,000 rows, leaving out what is rejected there."""
        return cls(movie for _, movie in source.movies() if isinstance(movie, Movie))


class KnownUser(NamedTuple):
    """A row of the users file: serialized features, or None where the user's ratings are dropped."""

    user_id: str
    line: int
    features: bytes | None


def known_user(user: User, line: int, invalid_zip: Literal["keep", "blank", "drop"]) -> KnownUser:
    """Applies the rule for zip codes that are not five digits."""
    zip_code = user.zip_code
    if not is_valid_zip(zip_code):
        if invalid_zip == "drop":
            return KnownUser(user.user_id, line, None)
        if invalid_zip == "blank":
            zip_code = ""
    features = examples.user_features(user.user_id, replace(user, zip_code=zip_code))
    return KnownUser(user.user_id, line, features)


@dataclass(frozen=True)
class Shard:
    """Usable ratings by user, timestamp and line; `rows["user"]` are positions in `user_features`."""

    number: int
    user_features: list[bytes]
    rows: Rows
    dropped: int
    rejected: list[Rejected]


def clean_shard(
    number: int,
    blocks: Iterable[Block],
    users: Iterable[KnownUser],
    source: RawSource,
    movie_ids: list[str],
) -> Shard:
    """Leaves out ratings of unknown users, repeated (user, movie) pairs, and users to be dropped.

    Args:
      number: which shard this is.
      blocks: its ratings.
      users: its rows of the users file, if the layout has one; a second row of one user is rejected.
      source: where the rows come from.
      movie_ids: the ids that `movie` in the blocks refers to.
    """
    user_ids, rows = merge_blocks(blocks)
    rejected: list[Rejected] = []
    if source.spec.users_file is None:
        features: list[bytes | None] = [examples.user_features(user_id, None) for user_id in user_ids]
        unknown = np.zeros(len(user_ids), np.bool_)
    else:
        known: dict[str, KnownUser] = {}
        for user in sorted(users, key=lambda user: user.line):
            if known.setdefault(user.user_id, user) is not user:
                rejected.append(
                    Rejected(source.spec.users_file, user.line, RejectReason.DUPLICATE_USER, user.user_id)
                )
        features = [known[user_id].features if user_id in known else None for user_id in user_ids]
        unknown = np.array([user_id not in known for user_id in user_ids], np.bool_)

    def reject(bad: npt.NDArray[np.bool_], reason: RejectReason) -> None:
        for user, movie, rating, timestamp, line, _ in rows[bad].tolist():
            text = f"{user_ids[user]}, {movie_ids[movie]}, {rating:g}, {timestamp}"
            rejected.append(Rejected(source.spec.ratings_file, line, reason, text))

    of_unknown = unknown[rows["user"]]
    reject(of_unknown, RejectReason.UNKNOWN_USER)
    rows = rows[~of_unknown]
    repeated = repeated_pairs(rows)
    reject(repeated, RejectReason.DUPLICATE_PAIR)
    rows = rows[~repeated]
    kept = np.array([feature is not None for feature in features], np.bool_)[rows["user"]]
    return Shard(
        number,
        [feature or b"" for feature in features],
        rows[kept],
        int(np.count_nonzero(~kept)),
        rejected,
    )


def held_out(rows: Rows, settings: ExampleGenSettings, cut: splits.Cut | None) -> npt.NDArray[np.bool_]:
    """Marks the eval ratings of a shard; `cut` is that of a temporal split."""
    if settings.split == "leave_last_out":
        return splits.last_out(rows["user"])
    if cut is not None:
        return splits.after(cut, rows["timestamp"], rows["line"])
    marked: npt.NDArray[np.bool_] = rows["held_out"]
    return marked


def shard_examples(
    shard: Shard, is_eval: npt.NDArray[np.bool_], catalogue: RawCatalogue, settings: ExampleGenSettings
) -> Iterator[tuple[bool, bytes]]:
    """Yields the serialized Examples of a shard and whether they are for eval.

    The order is a permutation seeded by the settings and the shard: a reader with a small shuffle buffer
    would otherwise see one user after the other.
    """
    rows = shard.rows
    random = np.random.default_rng([settings.seed, shard.number])
    order = random.permutation(len(rows))
    usable = ~is_eval if settings.eval_is_among_training else np.ones(len(rows), np.bool_)
    windows = history_windows(
        rows["user"].astype(np.int64), rows["timestamp"], is_eval, usable, settings.history_length, random
    )
    remembered = rows[windows.candidates]
    items = [catalogue.history_items[movie] for movie in remembered["movie"].tolist()]
    packed = remembered["rating"].astype("<f4").tobytes()
    width = 4
    stars = {rating: examples.rating_features(rating) for rating in np.unique(rows["rating"]).tolist()}
    for (user, movie, rating, timestamp, _, _), start, stop, evaluated in zip(
        rows[order].tolist(),
        windows.starts[order].tolist(),
        windows.stops[order].tolist(),
        is_eval[order].tolist(),
        strict=True,
    ):
        yield (
            evaluated,
            examples.example(
                shard.user_features[user],
                catalogue.features[movie],
                stars[rating],
                examples.timestamp_features(timestamp),
                examples.history_features(items[start:stop], packed[width * start : width * stop]),
            ),
        )
