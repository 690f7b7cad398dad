"""The section *EDA*: what the ratings are like, each question with a chart and an answer from the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from contracts import artifacts, features
from reports.charts import plots
from reports.eda import movies as eda_movies
from reports.eda import people as eda_people
from reports.eda import places, text, time
from reports.eda.counts import EdaCounts, count_all
from reports.eda.value_counts import ValueCounts
from reports.reading import run_settings
from reports.reading.examples import read_batches
from reports.reading.run_data import Run
from reports.section import Chart, Column, Part, Section, Table

_SECTION: Final = "eda"
_TITLE: Final = "Exploring the data"
_SPLITS: Final = (features.TRAIN_SPLIT, features.EVAL_SPLIT)

# The questions that need what some versions of MovieLens lack, and what to call the features they need.
_PEOPLE: Final[tuple[Callable[[EdaCounts, str], Chart | None], ...]] = (
    eda_people.gender,
    eda_people.rating_by_gender,
    eda_people.ages,
    eda_people.occupations,
    eda_people.occupations_by_age,
    places.states,
    places.stars_by_state,
)
_TOPICS: Final = {
    features.USER_GENDER: "gender",
    features.BUCKETIZED_USER_AGE: "age group",
    features.USER_OCCUPATION_TEXT: "occupation",
    features.USER_ZIP_CODE: "US state",
}


def eda_section(run: Run) -> Section:
    """Counts the run's `ratings` Examples and draws the charts of the study."""
    artifact = run.artifact(run_settings.RATINGS_GEN, run_settings.EXAMPLES)
    if artifact is None:
        return Section(
            _SECTION,
            _TITLE,
            "There are no Examples to look at: RatingsGen did not finish, or its artifact is gone.",
            (),
        )
    counts = count_all((split, batch) for split in _SPLITS for batch in read_batches(artifact.folder, split))
    return section_of(counts, run.data_name, _catalogue(run))


def section_of(counts: EdaCounts, data_name: str, catalogue: int | None) -> Section:
    """The section from what was counted.

    Args:
      counts: of all ratings.
      data_name: what the data is called.
      catalogue: movies of the catalogue, rated or not; None where it is not known.
    """
    note = text.measured_on(counts, data_name)
    ratings = ValueCounts.of(counts.ratings)
    answer = (
        f"{counts.total:,} ratings of {len(counts.movies.keys):,} movies by {len(counts.users.keys):,} "
        f"users; the mean is {ratings.mean:.1f} stars."
    )
    movies = (
        eda_movies.most_rated(counts, note),
        eda_movies.most_liked(counts, note),
        eda_movies.worst(counts, note),
        eda_movies.genres(counts, note),
        eda_movies.genre_classes(counts, note),
        eda_movies.long_tail(counts, catalogue, note),
        time.decades(counts, note),
    )
    times = (time.weekday(counts, note), time.hour(counts, note), time.months(counts, note))
    people = [draw(counts, note) for draw in _PEOPLE]
    lacking = text.listed([topic for name, topic in _TOPICS.items() if not counts.has(name)])
    parts = (
        Part(
            "eda-statistics",
            "Preliminary statistics",
            answer=f"Ratings: mean {ratings.mean:.1f}, standard deviation {ratings.std:.1f}.",
            charts=_drawn([_ratings(counts, note)]),
            tables=(_statistics(counts, data_name),),
        ),
        Part(
            "eda-people",
            "Who rates?",
            text=(f"This data does not contain: {lacking}.",) if lacking else (),
            charts=_drawn(people),
        ),
        Part("eda-time", "When do they rate?", charts=_drawn(times)),
        Part("eda-movies", "What do they rate?", charts=_drawn(movies)),
    )
    drawn = [chart for part in parts for chart in part.charts]
    return Section(
        _SECTION,
        _TITLE,
        answer,
        parts,
        metrics={
            "data": data_name,
            "ratings": dict(counts.rows),
            "users": len(counts.users.keys),
            "movies": len(counts.movies.keys),
            "statistics": {name: _described(found) for name, found in _numbers(counts).items()},
            "answers": {chart.id: chart.answer for chart in drawn},
        },
    )


def _drawn(found: Iterable[Chart | None]) -> tuple[Chart, ...]:
    return tuple(chart for chart in found if chart is not None)


def _ratings(counts: EdaCounts, note: str) -> Chart:
    stars = sorted(counts.ratings)
    most = max(stars, key=counts.ratings.__getitem__)
    answer = f"{most:g} stars are given most: {text.percent(counts.ratings[most] / counts.total)}."
    draw = partial(
        plots.columns,
        labels=[f"{star:g}" for star in stars],
        series={"ratings": [counts.ratings[star] for star in stars]},
        unit="ratings",
        axis="stars",
    )
    return Chart(
        "ratings",
        "Which ratings are given?",
        answer,
        draw("ratings"),
        f"Bar chart of how often each rating is given. {answer}",
        note=note,
        broad=draw("ratings-broad", width=plots.BROAD),
    )


def _numbers(counts: EdaCounts) -> dict[str, ValueCounts]:
    """The distributions of the numeric columns that the data has, over ratings."""
    counters = {
        features.USER_RATING: counts.ratings,
        features.RAW_USER_AGE: counts.raw_ages,
        features.BUCKETIZED_USER_AGE: counts.age_groups,
        features.MOVIE_RELEASE_YEAR: counts.release_years,
        "ratings_per_user": Counter(map(float, counts.users.counts.tolist())),
        "ratings_per_movie": Counter(map(float, counts.movies.counts.tolist())),
    }
    found = {name: ValueCounts.of(counter) for name, counter in counters.items() if counter}
    ids = counts.movie_ids()
    return found if ids is None else {**found, features.MOVIE_ID: ids}


def _described(found: ValueCounts) -> dict[str, Any]:
    return {
        "count": found.total,
        "mean": found.mean,
        "std": found.std,
        "min": found.quantile(0),
        "25%": found.quantile(0.25),
        "50%": found.quantile(0.5),
        "75%": found.quantile(0.75),
        "max": found.quantile(1),
    }


def _statistics(counts: EdaCounts, data_name: str) -> Table:
    described = {name: _described(found) for name, found in _numbers(counts).items()}
    return Table(
        "eda-statistics-table",
        f"Numbers in {data_name}, train and eval splits together, one row a rating; the last rows count "
        "users and movies.",
        (
            Column("column"),
            Column("count", ","),
            Column("mean", ",.1f"),
            Column("std", ",.1f", "Standard deviation of the sample"),
            *(Column(name, ",g") for name in ("min", "25%", "50%", "75%", "max")),
        ),
        tuple((name, *found.values()) for name, found in described.items()),
    )


def _catalogue(run: Run) -> int | None:
    found = run.artifact(run_settings.MOVIES_GEN, run_settings.EXAMPLES)
    size = found.properties.get(artifacts.EXAMPLES_PREFIX + features.MOVIES_SPLIT) if found else None
    return size if isinstance(size, int) else None
