"""Settings of the ExampleGen; free of TFX and TensorFlow."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.features import MOVIES, Table
from movielens.records import MAX_REJECTED_SHARE


class ExampleGenSettings(BaseModel):
    """How raw MovieLens files become Examples.

    Every per-user and global order is (timestamp, line in the ratings file), so equal timestamps are
    settled by the order of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: Literal["leave_last_out", "temporal", "random", "official_fold"] = Field(
        "leave_last_out",
        description="Eval is each user's last rating, the latest share of all, a random share, or a fold "
        "that the data set ships with.",
    )
    fold: int = Field(1, ge=1, description="For `official_fold`: 1 to 5 for u1 to u5 of ML-100k.")
    eval_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the ratings that `temporal` and `random` hold out."
    )
    random_rule: Literal["hash", "permutation"] = Field(
        "hash",
        description="`hash` of (seed, user, movie) stays put when rows come or go; `permutation` is "
        "np.random.RandomState(seed).permutation over the rows of the file.",
    )
    seed: int = Field(42, ge=0, lt=2**32)
    invalid_zip: Literal["keep", "blank", "drop"] = Field(
        "keep", description="A zip code that is not five digits: keep it, leave it out, or drop its user."
    )
    history_length: int = Field(50, ge=1, description="Most recent earlier ratings kept in an Example.")
    max_rejected_share: float = Field(
        MAX_REJECTED_SHARE,
        ge=0,
        le=1,
        description="Share of a file's rows that may be malformed before the run fails.",
    )

    @property
    def split_label(self) -> str:
        """The split rule with what decides how large its parts are, for names of files."""
        if self.split == "leave_last_out":
            return self.split
        return f"{self.split}-{self.fold if self.split == 'official_fold' else f'{self.eval_share:g}'}"

    @property
    def split_name(self) -> str:
        """The split rule as metrics name it, with the number of the fold where there are several."""
        return f"{self.split} {self.fold}" if self.split == "official_fold" else self.split

    @property
    def eval_is_among_training(self) -> bool:
        """Whether an eval rating may be older than a training rating of the same user.

        Histories then hold training ratings alone.
        """
        return self.split in ("random", "official_fold")

    def for_table(self, table: Table) -> dict[str, Any]:
        """The settings that `table` depends on; `movies` must not run again for a new split rule."""
        used = {"max_rejected_share"} if table == MOVIES else None
        return self.model_dump(include=used)
