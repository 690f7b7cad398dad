from pathlib import Path

import pytest

from movielens.__main__ import main

ITEM = "1|Film (1990)|01-Jan-1990||" + "|0" * 18 + "|1\n"


def test_sample_then_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "sample"
    command = [
        "sample",
        "--ratings",
        "2000",
        "--users",
        "60",
        "--movies",
        "100",
        "--seed",
        "7",
        "--to",
        str(folder),
    ]
    assert main(command) == 0
    assert "synthetic sample of 2,000 ratings, 60 users, 100 movies, seed 7" in capsys.readouterr().out
    assert main(["check", str(tmp_path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["u.data", "2,000", "rows", "0", "rejected"] in lines
    assert ["u.item", "100", "rows", "0", "rejected"] in lines


def test_check_counts_bad_rows_by_reason_and_shows_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "u.data").write_text("1\t1\t5\t9\n1\t1\t9\t9\n1\t77\t5\t9\n88\t1\t5\t9\n1\t1\n")
    (tmp_path / "u.item").write_text(ITEM + ITEM)
    (tmp_path / "u.user").write_text("1|24|M|other|98101\n1|24|M|other|98101\n")
    assert main(["check", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    for line in (
        "rejected: 1 x off_scale in u.data",
        "rejected: 1 x unknown_movie in u.data\n  line 3: user 1, movie 77",
        "rejected: 1 x unknown_user in u.data\n  line 4: user 88",
        "rejected: 1 x field_count in u.data\n  line 5: 1",
        "rejected: 1 x duplicate_movie in u.item\n  line 2",
        "rejected: 1 x duplicate_user in u.user\n  line 2",
    ):
        assert line in out


def test_check_applies_what_a_run_applies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{user},1,3.5,{user}" for user in range(200)]
    (tmp_path / "movies.csv").write_text("movieId,title,genres,year\n1,Film,Drama,1990\n")
    ratings = tmp_path / "ratings.csv"

    # One row in 201 is less than the share that a run survives.
    ratings.write_text("\n".join(["userId,movieId,rating,timestamp", *rows, rows[7], ""]))
    assert main(["check", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "rejected: 1 x duplicate_pair in ratings.csv\n  line 202: user 7, movie 1" in out
    assert "movies.csv: not read: column year" in out
    assert main(["check", str(tmp_path), "--max-rejected-share", "0"]) == 1
    capsys.readouterr()

    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Film,Drama|Telenovela\n")
    assert main(["check", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "unknown genre: 1 x Telenovela" in out
    assert "data_gate.allow" in out


def test_an_error_is_one_line_and_a_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "missing")]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m movielens fetch ml-100k" in capsys.readouterr().out
