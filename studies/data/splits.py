"""The splits that studies measure on, by their names on the command line."""

from collections.abc import Mapping
from typing import Final

from components.movielens_example_gen.settings import ExampleGenSettings

# The permutation is that of the published results, which a hash could not be compared with.
SPLITS: Final[Mapping[str, ExampleGenSettings]] = {
    **{f"u{fold}": ExampleGenSettings(split="official_fold", fold=fold) for fold in range(1, 6)},
    "random": ExampleGenSettings(split="random", random_rule="permutation"),
    "last-out": ExampleGenSettings(split="leave_last_out"),
    "temporal": ExampleGenSettings(split="temporal"),
}
