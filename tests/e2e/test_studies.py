"""The studies end to end on a small synthetic sample: prepared, fitted, measured, kept."""

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from contracts.artifacts import CROSS_WEIGHTS_FILE
from contracts.metrics import NDCG_AT, RECALL_AT, RMSE
from movielens.sample import SampleSpec, write_sample
from pipeline.config import PipelineConfig, load_config
from pipeline.data_source import find_data
from serving.batch_models import BatchListModel, BatchRankingModel, newest_version
from studies import dcn, multitask, tables
from studies.cells import Cell
from studies.data.example_arrays import read_split
from studies.data.prepared import PreparedSplit
from studies.data.split_data import SplitData
from studies.harness import Harness
from studies.joint_scores import catalogue_scores
from studies.scoring import ranked_lists, retrieval_metrics
from studies.served_list.lists import FINAL, RATING_ORDER, RETRIEVAL_ORDER, served_lists
from studies.tasks import BY_ID, BY_SCORE, JOINT, RANKING, RETRIEVAL, Task
from studies.trained_models import measure, trainer_arguments
from tests.pipeline_run import PROJECT, PipelineRun

pytestmark = pytest.mark.slow

BASELINES = ("popularity", "EASE", "iALS")


@dataclass(frozen=True)
class Study:
    """A leaderboard of baselines that has ended."""

    data: Path
    work: Path
    out: str

    def again(self) -> subprocess.CompletedProcess[str]:
        command = [
            *(sys.executable, "-m", "studies", "leaderboard"),
            *("--data-dir", str(self.data), "--output", str(self.work)),
            *("--splits", "random", "--models", *BASELINES),
        ]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("studies")
    write_sample(SampleSpec.sized(10_000, seed=42), folder / "sample")
    done = Study(folder / "sample", folder / "work", "").again()
    assert done.returncode == 0, done.stdout + done.stderr
    return Study(folder / "sample", folder / "work", done.stdout)


def test_baseline_find_the_planted_tastes(study: Study) -> None:
    with (study.work / "leaderboard" / "results.csv").open(newline="") as file:
        found = {row["model"]: float(row[NDCG_AT[10]]) for row in csv.DictReader(file)}

    assert set(found) == set(BASELINES)
    assert min(found["EASE"], found["iALS"]) > 1.2 * found["popularity"]
    assert "## Retrieval, synthetic sample, split random" in study.out
    assert study.out.strip() == (study.work / "leaderboard" / "results.md").read_text().strip()


def test_the_second_run_measures_nothing(study: Study) -> None:
    before = (study.work / "leaderboard" / "results.csv").read_bytes()
    done = study.again()

    assert done.returncode == 0
    assert done.stderr.count(", kept\n") == len(BASELINES)
    assert (study.work / "leaderboard" / "results.csv").read_bytes() == before
    assert done.stdout == study.out


def test_our_models_are_fitted_by_their_own_run_fn(study: Study) -> None:
    config = load_config(None, ["ranking.epochs=2", "ranking.batch_size=512", "retrieval.epochs=1"])
    source = find_data(PipelineConfig(data_dir=str(study.data)))
    harness = Harness("dcn", source, study.work, again=False, console=Console(quiet=True))
    ranking = Cell("random", "stacked", RANKING, 1, config.ranking.model_dump(mode="json"))
    retrieval = Cell("random", "ours", RETRIEVAL, 1, config.retrieval.model_dump(mode="json"))

    rated, listed = harness.run([ranking, retrieval])

    # The sample's ratings deviate by more than a star.
    assert 0.5 < float(rated[RMSE]) < 1.1
    assert 0 < float(listed[RECALL_AT[10]]) < 1
    assert int(rated["weights"]) > 10_000
    run = harness.cell_folder(ranking) / "fit" / "run"
    assert not (run.parent / "model").exists()
    text = dcn.report([rated], [run / CROSS_WEIGHTS_FILE], harness.folder)
    names = json.loads((run / CROSS_WEIGHTS_FILE).read_text())["features"]
    assert f"The ten strongest of {len(names) ** 2}" in text
    assert "<!-- user_index -->" in (harness.folder / "crosses.svg").read_text()


def test_a_joint_model_is_measured_by_score_and_by_id(study: Study) -> None:
    config = load_config(None, ["ranking.epochs=1", "ranking.batch_size=512"], "study_joint")
    settings = config.hyperparameters(JOINT).model_dump(mode="json")
    source = find_data(PipelineConfig(data_dir=str(study.data)))
    harness = Harness("multitask", source, study.work, again=False, console=Console(quiet=True))
    cell = Cell("random", "ours", JOINT, 1, settings)

    [found] = harness.run([cell])

    assert 0 < float(found[BY_ID[10]]) < 1
    assert 0.5 < float(found[RMSE]) < 1.5
    text = multitask.report([found], harness.folder)
    assert "## Joint models, synthetic sample, split random" in text
    assert tables.mean_and_deviation([found], BY_SCORE[100]) in text
    # The scores are those of the lists of the SavedModel.
    split, fitted = harness.prepare("random"), harness.cell_folder(cell) / "fit"
    data = SplitData.read(Path(split.arrays))
    arguments = trainer_arguments(split, settings, 1, fitted)
    scores = catalogue_scores(arguments, str(fitted / "run" / "checkpoints" / "best"), data)
    metrics = retrieval_metrics(data, ranked_lists(lambda users: scores[users], data, seed=1))
    # The last digits of a score, and with them two movies that all but tie, may change places.
    assert {name: float(found[name]) for name in metrics} == pytest.approx(metrics, abs=1e-3)


@pytest.mark.parametrize(("task", "metric"), [(RETRIEVAL, NDCG_AT[10]), (RANKING, RMSE)])
def test_metrics_are_those_of_the_evaluator(
    sample_run: PipelineRun, tmp_path: Path, task: Task, metric: str
) -> None:
    artifacts = sample_run.output / "artifacts"
    [ratings] = artifacts.glob("RatingsGen/examples/*")
    [movies] = artifacts.glob("MoviesGen/examples/*")
    raw = {split: f"{ratings}/Split-{split}/*" for split in ("train", "eval")}
    read_split(raw["train"], raw["eval"], f"{movies}/Split-all/*").write(tmp_path / "ratings.npz")
    split = PreparedSplit(
        data="synthetic sample",
        name="random",
        split="random",
        made_from="",
        arrays=str(tmp_path / "ratings.npz"),
        raw_eval=raw["eval"],
        train="",
        evaluation="",
        movies="",
        transform_graph="",
        history_length=50,
    )

    metrics, per_second = measure(sample_run.model(task), task, split)

    manifest = json.loads((sample_run.model(task) / "assets.extra" / "manifest.json").read_text())
    assert metrics[metric] == pytest.approx(manifest["metrics"]["candidate"][metric], abs=1e-5)
    assert per_second > 0


def test_served_lists_are_those_of_the_pushed_models(sample_run: PipelineRun) -> None:
    users = [b"1", b"2", b"no-such-user"]
    models = {name: sample_run.output / "serving" / name for name in ("recommender", RETRIEVAL, RANKING)}

    found = served_lists(sample_run.output / "serving", [user.decode() for user in users])

    def ids(movies: np.ndarray) -> list[list[str]]:
        return [[movie.decode() for movie in row if movie][:10] for row in movies.tolist()]

    newest = {name: newest_version(folder) for name, folder in models.items()}
    retrieved = BatchListModel(newest[RETRIEVAL]).recommend(users, 100).movie_ids
    ratings = BatchRankingModel(newest[RANKING]).rank(users, retrieved)
    order = np.argsort(np.where(retrieved == b"", np.inf, -ratings), axis=1, kind="stable")
    assert found[FINAL] == ids(BatchListModel(newest["recommender"]).recommend(users, 10).movie_ids)
    assert found[RETRIEVAL_ORDER] == ids(retrieved)
    # Ratings may differ in the last digit, and so the order of two movies that all but tie.
    for ours, theirs in zip(
        found[RATING_ORDER], ids(np.take_along_axis(retrieved, order, axis=1)), strict=True
    ):
        assert len(set(ours) & set(theirs)) >= 9
