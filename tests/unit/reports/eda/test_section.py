"""The answers under the charts, and the notes where the data cannot answer."""

from collections import Counter

import numpy as np

from reports.eda import movies as eda_movies
from reports.eda.counts import EdaCounts, Tally
from reports.eda.section import section_of
from reports.reading.examples import Texts
from reports.section import Section


def tally(found: dict[str, tuple[int, float]]) -> Tally:
    """Ratings by key: how many, and their mean."""
    keys = list(found)
    codes = np.repeat(np.arange(len(keys)), [count for count, _ in found.values()])
    ratings = np.concatenate([np.full(count, mean) for count, mean in found.values()])
    result = Tally()
    result.add(Texts(codes, keys), codes, ratings)
    return result


def bare() -> EdaCounts:
    """Ratings of a data set without demographics, years and genres."""
    counts = EdaCounts()
    counts.rows.update(train=30, eval=2)
    counts.ratings.update({4.5: 30, 1.0: 2})
    counts.ratings_by_gender[""].update({4.5: 30, 1.0: 2})
    counts.occupations["", -1.0] = counts.zips["", ""] = 32
    counts.months[360] = [32, 137.0]
    counts.weekday_hours[2, 20] = 32
    counts.movies = tally({"a": (30, 4.5), "b": (2, 1.0)})
    counts.titles = {"a": "A", "b": "B"}
    counts.users = tally({"1": (32, 4.3)})
    counts.user_genders, counts.user_ages = {"1": ""}, {"1": -1.0}
    return counts


def answers(section: Section) -> dict[str, str]:
    return {chart.id: chart.answer for part in section.parts for chart in part.charts}


def test_data_without_demographics_lacks_those_charts_with_a_note() -> None:
    section = section_of(bare(), "ml-small", catalogue=5)

    assert set(answers(section)) == {
        *("ratings", "weekday", "hour", "months", "most-rated", "most-liked", "worst", "long-tail")
    }
    [people] = [part for part in section.parts if part.id == "eda-people"]
    assert people.text == ("This data does not contain: gender, age group, occupation and US state.",)


def test_every_note_names_data_and_splits() -> None:
    section = section_of(bare(), "synthetic sample", catalogue=None)

    notes = [chart.note for part in section.parts for chart in part.charts]
    assert all("synthetic sample, train and eval splits together: 32 ratings" in note for note in notes)


def test_movies_without_ratings_are_counted() -> None:
    [chart] = [
        chart
        for part in section_of(bare(), "ml-small", catalogue=5).parts
        for chart in part.charts
        if chart.id == "long-tail"
    ]
    assert "3 movies of the catalogue have none" in chart.note


def test_men_lead_in_ratings_and_not_for_each_user() -> None:
    counts = bare()
    counts.ratings_by_gender.clear()
    counts.ratings_by_gender["Male"].update({4.0: 20, 3.0: 4})
    counts.ratings_by_gender["Female"].update({5.0: 8})
    counts.user_genders = {"1": "Male", "2": "Male", "3": "Male", "4": "Female"}

    found = answers(section_of(counts, "d", None))

    assert found["gender"].startswith(
        "Men rate more: 75.0% of the ratings, from 75.0% of the users (8 ratings"
    )
    assert found["rating-by-gender"] == (
        "Men give 4 stars most often (mean 3.83); Women give 5 stars most often (mean 5.00)."
    )


def test_bayesian_mean_by_hand() -> None:
    """A movie with ten 5s is not above one with forty 4.9s; three ratings are too few to be ranked."""
    movies = tally({"few": (3, 5.0), "ten": (10, 5.0), "forty": (40, 4.9), "bad": (20, 1.0)})

    ranking = eda_movies.rank(movies)

    overall = (15 + 50 + 196 + 20) / 73
    assert ranking.least == 25  # Three quarters of the movies have at most that many.
    by_key = dict(zip(ranking.keys, ranking.damped, strict=True))
    np.testing.assert_allclose(by_key["forty"], (196 + ranking.least * overall) / (40 + ranking.least))
    assert [ranking.keys[place] for place in ranking.ranked] == ["forty"]


def test_ranking_orders_by_damped_mean() -> None:
    found = {f"m{place}": (10, 3.0) for place in range(20)} | {"ten": (10, 5.0), "forty": (40, 4.9)}

    ranking = eda_movies.rank(tally(found))

    assert ranking.least == 10
    assert [ranking.keys[place] for place in ranking.ranked][:2] == ["forty", "ten"]


def test_states_by_ratings_and_by_codes() -> None:
    counts = bare()
    counts.zips = Counter(
        {("55414", "writer"): 9, ("94105", "student"): 12, ("94107", "none"): 3, ("77005", "student"): 4}
    )

    counts.zip_stars.update({"55414": 36.0, "94105": 36.0, "94107": 3.0, "77005": 8.0})

    found = answers(section_of(counts, "d", None))["states"]

    assert found.startswith(
        "California (46.9%), Minnesota (28.1%) and Texas (12.5%) lead; in California students"
    )
    assert "come first (80%)" in found
    assert "Most different zip codes: California (2)" in found
    means = _rows(section_of(counts, "d", None), "states")
    assert (means["Minnesota"][3], means["California"][3]) == (4.0, 39 / 15)


def test_stars_by_state_need_enough_ratings() -> None:
    counts = bare()
    counts.zips = Counter({("55414", "writer"): 100, ("94105", "student"): 150, ("77005", "student"): 99})
    counts.zip_stars.update({"55414": 410.0, "94105": 450.0, "77005": 495.0})

    found = answers(section_of(counts, "d", None))["stars-by-state"]

    assert found == "Minnesota gives most, 4.10 stars on average, and California fewest, 3.00."


def test_genres_stand_beside_the_classes_of_the_study() -> None:
    counts = bare()
    counts.genres = tally({"Drama": (20, 4.0), "Children": (5, 3.0), "Biography": (2, 3.0)})

    section = section_of(counts, "d", None)
    classes = _rows(section, "genre-classes")

    assert len(classes) == 21
    assert classes["Children"][1:3] == (3, 5)
    assert classes["IMAX"][2] == 0
    assert "Biography" not in classes
    assert set(_rows(section, "genres")) == {"Drama", "Children", "Biography"}
    [note] = [chart.note for part in section.parts for chart in part.charts if chart.id == "genre-classes"]
    assert "Not among the classes: Biography." in note


def _rows(section: Section, chart_id: str) -> dict[object, tuple[object, ...]]:
    """The rows under a chart, by what heads them."""
    [data] = [chart.data for part in section.parts for chart in part.charts if chart.id == chart_id]
    assert data is not None
    return {row[0]: row for row in data.rows}
