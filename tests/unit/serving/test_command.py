"""`python -m serving`: tables, JSON, exit statuses and errors of one line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving.__main__ import COMMANDS, main
from serving.client import messages
from tests.unit.serving.client.conftest import Serve, serve
from tests.unit.serving.client.scripted_server import UNKNOWN_USER, Received, Refusal, two_stages

PROJECT = Path(__file__).resolve().parents[3]

__all__ = ["serve"]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def cells(line: str) -> list[str]:
    return [cell for cell in line.split("  ") if cell.strip()]


def test_recommend_prints_a_table(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", "--user", "42", "-k", "2", "--server", serve().address]) == 0

    lines = [[cell.strip() for cell in cells(line)] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["Movies for user 42"],
        ["id", "title", "stars", "score"],
        ["1", "d", "Film d ö", "5.00", "5.00"],
        ["2", "b", "Film b ö", "4.50", "4.50"],
        ["recommender version 7"],
    ]


def test_recommend_shows_what_is_unknown_and_not_ranked(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(received: Received) -> Any:
        if received.model == "ranking":
            return Refusal(grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(ranking)")
        return two_stages(received)

    assert main(["recommend", "--user", UNKNOWN_USER, "-k", "2", "--server", serve(answer).address]) == 0

    out = capsys.readouterr().out
    assert "popular" in out
    assert "stars" not in out
    assert out.index("Film a ö") < out.index("Film b ö")
    assert "DEGRADED" in out
    assert "Latest(ranking)" in " ".join(out.split())
    assert "ranking version" not in out


def test_recommend_prints_json(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    scripted = serve()
    flags = ["--user", "42", "--user", UNKNOWN_USER, "-k", "1", "--exclude", "d", "--exclude", "x", "--json"]
    versions = ["--retrieval-version", "canary", "--ranking-version", "12"]
    assert main(["recommend", *flags, *versions, "--server", scripted.address]) == 0

    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["user_id"] for each in answers] == ["42", UNKNOWN_USER]
    assert [each["known_user"] for each in answers] == [True, False]
    assert answers[0]["movies"] == [
        {"movie_id": "b", "title": "Film b ö", "score": 45.0, "predicted_rating": 4.5}
    ]
    assert answers[0]["versions"] == {"retrieval": 8, "ranking": 12}
    assert (answers[0]["order"], answers[0]["mixed_versions"]) == ("final", True)
    assert "8" in answers[0]["degraded"]
    assert scripted.received[0].strings("exclude_movie_ids") == [["d", "x"]] * 2


def test_similar(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    address = serve().address
    assert main(["similar", "--movie", "a", "-k", "2", "--server", address]) == 0
    assert "Film b ö" in capsys.readouterr().out
    assert main(["similar", "--movie", "a", "-k", "2", "--json", "--server", address]) == 0
    assert [each["movie_id"] for each in json.loads(capsys.readouterr().out)["movies"]] == ["b", "c"]
    assert main(["similar", "--movie", "nowhere", "--server", address]) == 1
    assert "'nowhere'" in capsys.readouterr().err


def test_status_fails_unless_every_model_is_available(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(received: Received) -> Any:
        response = messages.GetModelStatusResponse()
        if received.model == "gone":
            return Refusal(grpc.StatusCode.NOT_FOUND, "Could not find any versions of model gone")
        response.model_version_status.add(version=4, state=30 if received.model == "ranking" else 20)
        return response

    address = serve(answer).address
    assert main(["status", "ranking", "--server", address]) == 0
    assert "AVAILABLE" in capsys.readouterr().out
    assert main(["status", "--server", address]) == 1
    assert "LOADING" in capsys.readouterr().out
    assert main(["status", "ranking", "gone", "--json", "--server", address]) == 1
    ranking, gone = map(json.loads, capsys.readouterr().out.splitlines())
    assert (ranking["model"], ranking["versions"][0]["version"]) == ("ranking", 4)
    assert gone == {"model": "gone", "versions": []}
    assert main(["status", "gone", "--server", address]) == 1
    assert "NOT SERVED" in capsys.readouterr().out


def test_metadata(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(received: Received) -> Any:
        signatures = messages.SignatureDefMap()
        signatures.signature_def["rank"].inputs["movie_id"].dtype = 7
        for _ in range(2):
            signatures.signature_def["rank"].inputs["movie_id"].tensor_shape.dim.add(size=-1)
        response = messages.GetModelMetadataResponse()
        response.model_spec.name = "ranking"
        response.metadata["signature_def"].type_url = "x/tensorflow.serving.SignatureDefMap"
        response.metadata["signature_def"].value = signatures.SerializeToString()
        return response

    address = serve(answer).address
    assert main(["metadata", "ranking", "--server", address]) == 0
    out = capsys.readouterr().out
    assert ["rank", "in", "movie_id", "DT_STRING", "[-1, -1]"] in [
        [cell.strip() for cell in cells(line)] for line in out.splitlines()
    ]
    assert main(["metadata", "ranking", "--json", "--server", address]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["signatures"]["rank"]["inputs"]["movie_id"] == {"dtype": "DT_STRING", "shape": [-1, -1]}


@pytest.mark.parametrize("command", [["recommend", "--user", "42"], ["status"], ["metadata", "ranking"]])
def test_a_server_that_is_not_there_is_one_line(
    command: list[str], serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted = serve()
    scripted.stop()

    assert main([*command, "--server", scripted.address]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith(f"error: {scripted.address}: model ")
    assert "UNAVAILABLE" in line


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--token-file", "FOLDER/nowhere", "--tls"], "FOLDER/nowhere cannot be read: No such file"),
        (["--tls-ca", "FOLDER/nowhere.pem"], "FOLDER/nowhere.pem cannot be read: No such file"),
        (["--tls-cert", "FOLDER/file"], "private key"),
        (["--token-file", "FOLDER/file"], "in the clear"),
        (["--timeout", "0"], "the timeout is 0.0 seconds"),
    ],
)
def test_flags_that_cannot_work_are_one_line(
    flags: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("text")

    assert main(["status", *(flag.replace("FOLDER", str(tmp_path)) for flag in flags)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert complaint.replace("FOLDER", str(tmp_path)) in line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["recommend"], "--user"),
        (["recommend", "--user", "1", "-k", "0"], "'0' is not a number of movies"),
        (["similar", "--movie", "1", "--version", "9" * 20], "does not fit 64 bits"),
        (["status", "--server", "nohost"], "'nohost' is not a host and a port"),
        (["app", "--server", ":8500"], "':8500' is not a host and a port"),
        (["app", "--server", "localhost:0"], "'localhost:0' is not a host and a port"),
    ],
)
def test_what_cannot_be_parsed_ends_with_the_usage(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert complaint in capsys.readouterr().err


def test_the_socket_of_a_server_on_this_machine_is_an_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"unix:{tmp_path / 'socket'}"
    assert main(["status", "--server", address, "--timeout", "1"]) == 1
    assert f"error: {address}: " in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_ends_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"python -m serving {command}" in capsys.readouterr().out.partition("examples:")[2]


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = (
        "import sys; from serving.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    help_text, _, loaded = done.stdout.partition("LOADED")

    assert all(command in help_text for command in COMMANDS)
    assert not {"grpc", "numpy", "tensorflow"} & set(loaded.split())
