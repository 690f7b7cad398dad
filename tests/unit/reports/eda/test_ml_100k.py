"""The real ML-100k with the study's wrangling: the charts give the answers of the study."""

from pathlib import Path

import pytest

from reports.eda.counts import EdaCounts, count_all
from reports.eda.section import section_of
from reports.eda.value_counts import ValueCounts
from reports.reading.examples import read_batches
from reports.section import Chart, Section
from tests.unit.components.movielens_example_gen.tiny_data import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def counts(ml_100k: Path, tmp_path_factory: pytest.TempPathFactory) -> EdaCounts:
    """Counted over the Examples that the ExampleGen makes of it."""
    result = run(ml_100k, tmp_path_factory.mktemp("ml-100k") / "out", invalid_zip="drop")
    return count_all(
        (split, batch) for split in ("train", "eval") for batch in read_batches(result.folder, split)
    )


@pytest.fixture(scope="module")
def section(counts: EdaCounts) -> Section:
    return section_of(counts, "ml-100k", catalogue=1682)


def chart(section: Section, chart_id: str) -> Chart:
    return next(chart for part in section.parts for chart in part.charts if chart.id == chart_id)


def first_rows(section: Section, chart_id: str, rows: int) -> list[object]:
    """The first column of the metrics under a chart."""
    table = chart(section, chart_id).data
    assert table is not None
    return [row[0] for row in table.rows[:rows]]


def test_preliminary_statistics(section: Section) -> None:
    described = section.metrics["statistics"]

    ages, groups, ratings = (
        described[name] for name in ("raw_user_age", "bucketized_user_age", "user_rating")
    )
    assert ages["count"] == 97_914
    assert (round(ages["mean"], 1), round(ages["std"], 1)) == (33.0, 11.6)
    assert [ages[name] for name in ("min", "25%", "50%", "75%", "max")] == [7, 24, 30, 40, 73]
    assert (round(groups["mean"], 1), round(groups["std"], 1)) == (29.2, 12.1)
    assert (round(ratings["mean"], 1), round(ratings["std"], 1)) == (3.5, 1.1)
    assert described["movie_id"]["max"] == 1681
    assert section.answer.startswith("97,914 ratings")


def test_wednesday_is_slightly_ahead_and_nearly_flat(section: Section) -> None:
    assert chart(section, "weekday").answer.startswith("Wednesday is ahead with 16.")
    assert "nearly flat" in chart(section, "weekday").answer


def test_men_rate_more(section: Section) -> None:
    assert chart(section, "gender").answer.startswith("Men rate more: 73.9% of the ratings")


def test_both_give_most_fours(section: Section) -> None:
    answer = chart(section, "rating-by-gender").answer
    assert "Men give 4 stars most often" in answer
    assert "Women give 4 stars most often" in answer


def test_age_groups(section: Section) -> None:
    assert chart(section, "ages").answer.startswith(
        "Most ratings are from ages 25-34, then 18-24, then 35-44"
    )


def test_students_of_18_to_24_lead(section: Section) -> None:
    assert chart(section, "occupations-by-age").answer.startswith("Students of 18-24 lead")
    assert first_rows(section, "occupations", 1) == ["student"]


def test_california_and_texas_have_most_zip_codes(section: Section) -> None:
    """By ratings California is first too, followed by Minnesota, the state of MovieLens."""
    answer = chart(section, "states").answer
    assert answer.startswith("California (14")
    assert "in California students come first" in answer
    assert "Most different zip codes: California (103) and Texas (46)" in answer


def test_movies(section: Section) -> None:
    assert first_rows(section, "most-rated", 3) == ["Star Wars (1977)", "Contact (1997)", "Fargo (1996)"]
    assert first_rows(section, "most-liked", 1) == ["Schindler's List (1993)"]
    assert first_rows(section, "genres", 3) == ["Drama", "Comedy", "Action"]


def test_every_rating_has_its_gender(counts: EdaCounts) -> None:
    assert set(counts.ratings_by_gender) == {"Male", "Female"}
    assert sum(found.total() for found in counts.ratings_by_gender.values()) == counts.total
    assert ValueCounts.of(counts.ratings).total == counts.total == 97_914
