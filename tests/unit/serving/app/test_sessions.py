"""What a session keeps: a bounded number of ratings, in a cookie that browsers take."""

from dataclasses import replace
from typing import Any

from serving.app.visitors import MOST_RATINGS, new_visitor, visitor_of
from tests.app_pages import film_ids, rate, start_as, token
from tests.unit.serving.app.conftest import KNOWN, Open, answer_all, noting
from tests.unit.serving.client.scripted_server import Received, movies, predicted


def test_a_filter_finds_all_films_of_the_kind_after_a_rating_too(open_app: Open) -> None:
    def short_list(received: Received) -> Any:
        if received.request.model_spec.signature_name == "recommend_from_history":
            return predicted(received, **movies([["3", "2"]], 2))
        return answer_all(received)

    browser = open_app(short_list)
    start_as(browser)
    rate(browser, "1", 5)
    # 3 is of the model's list, 4 and 8 are the others, the most rated first.
    page = browser.get("/?genre=Drama")
    assert film_ids(page.text) == ["3", "4", "8"]
    assert "1 of your list is of this kind" in page.text
    assert film_ids(browser.get("/").text) == ["3", "2"]
    assert "ends before this page" in browser.get("/?page=99").text


def test_a_visitor_survives_the_cookie_and_forgets_the_oldest_ratings() -> None:
    visitor = new_visitor()
    for movie in range(MOST_RATINGS + 5):
        visitor = visitor.rated(str(movie), 4.0).hiding(str(movie))
    visitor = visitor.rated("10", 1.0)
    assert visitor_of(visitor.session()) == visitor
    assert len(visitor.ratings) == MOST_RATINGS
    assert list(visitor.ratings)[-1] == "10"
    assert "0" not in visitor.ratings
    assert visitor_of({}) is None
    # A cookie from before changes were counted.
    earlier = {name: value for name, value in visitor.session().items() if name != "changes"}
    assert visitor_of(earlier) == replace(visitor, changes=0)


def test_the_fullest_cookie_is_one_that_browsers_take(open_app: Open) -> None:
    browser = open_app()
    visitor = new_visitor()
    for movie in range(200_000, 200_000 + MOST_RATINGS):
        visitor = visitor.rated(str(movie), 4.5).hiding(str(movie))
    import base64
    import json

    assert len(base64.b64encode(json.dumps(visitor.session()).encode())) < 3500
    assert len(browser.get("/").headers["set-cookie"]) < 4096


def test_a_rating_changes_the_list_and_a_hidden_film_leaves_it(open_app: Open) -> None:
    browser = open_app()
    start_as(browser, age="30", gender="Female", occupation="writer")
    assert film_ids(browser.get("/").text)[0] == "8"
    answer = rate(browser, "1", 5)
    assert film_ids(answer.text) == ["2", "3", "4", "5", "6", "7", "8"]
    assert "You gave The Matrix 5 of 5 stars" in answer.text
    fields = {"csrf": token(browser), "interested": "false", "back": "/"}
    assert film_ids(browser.post("/films/3/interest", data=fields).text) == ["2", "4", "5", "6", "7", "8"]
    browser.post("/films/3/interest", data={**fields, "interested": "true"})
    assert "3" in film_ids(browser.get("/").text)
    assert film_ids(browser.get("/ratings").text) == ["1"]


def test_a_film_that_was_not_liked_is_no_part_of_the_history_and_stays_out_of_the_list(
    open_app: Open,
) -> None:
    histories: list[list[list[str]]] = []
    browser = open_app(noting(histories))
    start_as(browser)
    rate(browser, "1", 5)
    histories.clear()
    shown = film_ids(rate(browser, "2", 1).text)
    assert histories == [[["1"]]]
    assert shown == ["3", "4", "5", "6", "7", "8"]


def test_a_user_of_the_data_starts_with_the_history(open_app: Open) -> None:
    browser = open_app()
    assert start_as(browser, "4711").status_code == 404
    assert start_as(browser, KNOWN).status_code == 200
    assert film_ids(browser.get("/ratings").text) == ["1", "4"]
    # 4 got two stars, so it says nothing about what the user likes.
    assert "The Matrix" in browser.get("/because").text
    assert "Das Boot</a></h2>" not in browser.get("/because").text


def test_wrong_fields_of_a_form_are_named(open_app: Open) -> None:
    browser = open_app()
    assert start_as(browser, age="200").status_code == 422
    assert start_as(browser, gender="robot").status_code == 422
    assert rate(browser, "1", 4.5).status_code == 422
    assert rate(browser, "999", 4).status_code == 404
