"""The search: where it starts, what it finds, and that neither a kill nor a bad trial undoes it."""

import json
import logging
import math
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from contracts import artifacts
from tests.transform_run import Transformed
from trainer_module.common.fitting import DivergedError
from trainer_module.common.hyperparameters import with_values
from trainer_module.common.training_setup import (
    CODE_FINGERPRINT,
    HISTORY_LENGTH,
    HYPERPARAMETERS,
    SEED,
    TrainingSetup,
)
from trainer_module.joint.hyperparameters import JointHyperparameters
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.tuning.joint import joint_space
from trainer_module.tuning.ranking import ranking_space
from trainer_module.tuning.retrieval import retrieval_space
from trainer_module.tuning.search_spaces import Choice, Range, Space
from trainer_module.tuning.tuner import (
    SEARCH_DIR,
    TRIALS,
    HyperparameterSearch,
    SearchError,
    make_tuner,
)

pytestmark = pytest.mark.slow

MONITOR = "val_rmse"
# The best of all possible fits.
BEST_RATE, BEST_DROPOUT = 2e-3, 0.35
Fit = Callable[[RankingHyperparameters], float]


def bowl(hyperparameters: RankingHyperparameters) -> float:
    """An error that grows with the distance from the best."""
    distance = math.log10(hyperparameters.learning_rate / BEST_RATE)
    return 0.9 + distance**2 + (hyperparameters.dropout - BEST_DROPOUT) ** 2


class Search:
    """A search over a space of the ranking model, in a folder that it comes back to."""

    def __init__(self, folder: Path, transformed: Transformed, movie_files: list[str]) -> None:
        self._folder = folder
        self._transformed = transformed
        self._movie_files = movie_files
        self.tried: list[RankingHyperparameters] = []

    def tuner(self, fit: Fit = bowl, trials: int = 4, **hyperparameters: Any) -> HyperparameterSearch:
        def train(setup: TrainingSetup, values: RankingHyperparameters, folder: str) -> None:
            self.tried.append(values)
            (Path(folder) / "checkpoints").mkdir(parents=True)
            record = {"best": fit(values)}
            (Path(folder) / artifacts.FIT_FILE).write_text(json.dumps(record))

        fn_args = SimpleNamespace(
            train_files=[self._transformed.files],
            # A search that reads the eval split fails here.
            eval_files=["/no/such/files"],
            movie_files=self._movie_files,
            transform_graph_path=self._transformed.path,
            hyperparameters=None,
            custom_config={
                HYPERPARAMETERS: {"learning_rate": 9e-3, "epochs": 7, **hyperparameters},
                SEED: 1,
                HISTORY_LENGTH: 2,
                CODE_FINGERPRINT: "",
                TRIALS: trials,
                SEARCH_DIR: str(self._folder),
            },
        )
        return make_tuner(fn_args, RankingHyperparameters, ranking_space, train, monitor=MONITOR, mode="min")

    def found(self, tuner: HyperparameterSearch) -> dict[str, Any]:
        values: dict[str, Any] = tuner.get_best_hyperparameters()[0].values
        return values


@pytest.fixture
def search(tmp_path: Path, transformed: Transformed, movie_files: list[str]) -> Search:
    return Search(tmp_path / "tuning", transformed, movie_files)


def test_the_configured_values_are_the_first_trial_so_nothing_worse_is_found(search: Search) -> None:
    def nothing_beats(values: RankingHyperparameters) -> float:
        return 0.5 if values.learning_rate == 9e-3 else 1.0

    tuner = search.tuner(nothing_beats, hidden_units=[96, 8])
    tuner.search()
    first = search.tried[0]
    assert (first.learning_rate, first.hidden_units, first.epochs) == (9e-3, (96, 8), 7)
    found = search.found(tuner)
    assert found["learning_rate"] == 9e-3
    # A list is a text to KerasTuner, and comes back as the list that it was.
    assert found["hidden_units"] == "[96, 8]"


def test_it_finds_what_is_better_and_stays_within_the_space(search: Search) -> None:
    tuner = search.tuner(trials=9)
    tuner.search()
    assert len(search.tried) == 9
    errors = [bowl(values) for values in search.tried]
    best = search.tried[errors.index(min(errors))]
    assert min(errors) < errors[0] - 0.2
    assert search.found(tuner)["learning_rate"] == best.learning_rate
    space = ranking_space(RankingHyperparameters())
    for values in search.tried:
        assert space["dropout"].low <= values.dropout <= space["dropout"].high  # type: ignore[union-attr]
        assert values.hidden_units in space["hidden_units"].values  # type: ignore[union-attr]


def test_a_killed_search_goes_on_where_it_was(search: Search, tmp_path: Path) -> None:
    def killed_in_the_third(values: RankingHyperparameters) -> float:
        if len(search.tried) == 3:
            raise KeyboardInterrupt
        return bowl(values)

    with pytest.raises(KeyboardInterrupt):
        search.tuner(killed_in_the_third).search()
    before = list(search.tried)
    tuner = search.tuner()
    tuner.search()
    assert search.tried[:3] == before
    # The third trial again and the fourth.
    assert search.tried[3] == before[2]
    assert len(search.tried) == 5
    assert [tuner.oracle.trials[str(number)].score for number in range(4)] == [
        bowl(values) for values in (*before, search.tried[4])
    ]
    assert len({values.model_dump_json() for values in search.tried}) == 4


def test_an_ended_search_takes_more_trials_and_another_configuration_is_another_search(
    search: Search,
) -> None:
    search.tuner(trials=2).search()
    search.tuner(trials=2).search()
    assert len(search.tried) == 2
    search.tuner(trials=3).search()
    assert len(search.tried) == 3
    search.tuner(trials=2, structure="dnn").search()
    assert len(search.tried) == 5


def test_values_that_diverge_cost_a_trial_and_not_the_search(search: Search) -> None:
    def diverges_at_first(values: RankingHyperparameters) -> float:
        if len(search.tried) == 1:
            raise DivergedError("the loss became nan in epoch 1")
        return bowl(values)

    tuner = search.tuner(diverges_at_first)
    tuner.search()
    assert len(search.tried) == 4
    assert tuner.oracle.trials["0"].status == "FAILED"
    assert search.found(tuner)["learning_rate"] != 9e-3


def test_any_other_error_ends_the_search_with_its_words(search: Search) -> None:
    def no_examples(values: RankingHyperparameters) -> float:
        raise ValueError("validation_share 0.05 holds out none of the training examples; raise it")

    with pytest.raises(SearchError, match="holds out none of the training examples"):
        search.tuner(no_examples).search()
    assert len(search.tried) == 1


def test_a_search_that_cannot_be_read_names_the_folder_to_remove(search: Search, tmp_path: Path) -> None:
    search.tuner(trials=1).search()
    [state] = (tmp_path / "tuning").glob("*/oracle.json")
    state.write_text("{")
    with pytest.raises(SearchError, match=f"{state.parent} cannot be read .*; remove the folder"):
        search.tuner(trials=1)


def test_each_trial_is_logged_with_the_best_so_far(search: Search, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, artifacts.PROGRESS_LOGGER)
    scores = [1.0, 0.8, 0.9]
    search.tuner(lambda values: scores[len(search.tried) - 1], trials=3).search()
    ended = [record for record in caplog.records if getattr(record, "trial_ended", False)]
    assert [
        (vars(each)["trial"], vars(each)["trials"], vars(each)["metric"], vars(each)["best"])
        for each in ended
    ] == [
        (1, 3, "val_rmse 1.0000", "best val_rmse 1.0000 in trial 1"),
        (2, 3, "val_rmse 0.8000", "best val_rmse 0.8000 in trial 2"),
        (3, 3, "val_rmse 0.9000", "best val_rmse 0.8000 in trial 2"),
    ]


@pytest.mark.parametrize(
    ("base", "space"),
    [
        (base, space_of(base))
        for base, space_of in (
            (RetrievalHyperparameters(), retrieval_space),
            (
                RetrievalHyperparameters(examples="held_out", loss="weighted_squared", batch_size=128),
                retrieval_space,
            ),
            (RankingHyperparameters(), ranking_space),
            (RankingHyperparameters(structure="svdpp"), ranking_space),
            (JointHyperparameters(), joint_space),
        )
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_space_names_hyperparameters_and_values_that_they_may_have(base: BaseModel, space: Space) -> None:
    for name, domain in space.items():
        values = domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
        for value in values:
            type(base).model_validate(with_values(base.model_dump(), {name: value}))
        # Where a fit starts is inside, so that it is among what is searched.
        assert domain.with_value(attrgetter(name)(base)) == domain


def test_only_what_a_model_reads_is_searched_for() -> None:
    assert "l2_factors" not in ranking_space(RankingHyperparameters())
    assert "l2" not in ranking_space(RankingHyperparameters(structure="svdpp"))
    assert "unobserved_weight" not in retrieval_space(RetrievalHyperparameters())
    joint = joint_space(JointHyperparameters())
    assert "ranking_weight" in joint
    # There is one fit, that of ranking.
    assert "ranking.learning_rate" in joint
    assert "retrieval.learning_rate" not in joint


def test_a_trial_is_one_fit_whatever_the_training_makes_of_it(search: Search) -> None:
    search.tuner(trials=1, refit=True, ensemble_seeds=3).search()
    assert (search.tried[0].refit, search.tried[0].ensemble_seeds) == (False, 1)


def test_a_range_is_widened_by_what_is_configured() -> None:
    assert Range(0.1, 0.5).with_value(0.7) == Range(0.1, 0.7)


def test_what_a_zero_leaves_out_stays_left_out_where_a_logarithm_has_no_place_for_it(search: Search) -> None:
    search.tuner(trials=3, unknown_id_share=0.0, dropout=0.0).search()
    assert [values.unknown_id_share for values in search.tried] == [0, 0, 0]
    assert search.tried[0].dropout == 0
    assert {values.dropout for values in search.tried} != {0}
