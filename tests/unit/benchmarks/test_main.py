import re

import pytest

from benchmarks.__main__ import main

_ROW = re.compile(
    r"^\| (\w+|\(imports\)|whole process) +\| +(\w*) +\| +([\d.]+) \| +([\d,]+) \|", re.MULTILINE
)


@pytest.mark.slow
def test_scale_measures_each_node_up_to_transform_on_a_synthetic_sample(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Somebody's real ratings must not take the sample's place.
    monkeypatch.setenv("MOVIELENS_DIR", "/nowhere")

    status = main(["scale", "--ratings", "10000"])

    out = capsys.readouterr().out
    rows = {
        node: (state, float(seconds), int(peak.replace(",", "")))
        for node, state, seconds, peak in _ROW.findall(out)
    }
    assert status == 0
    assert next(iter(rows)) == "(imports)"
    assert list(rows)[-2:] == ["Transform", "whole process"]
    assert {"RatingsGen", "RatingsStatistics"} < rows.keys()
    assert not [node for node in rows if node.endswith(("Trainer", "Evaluator", "Pusher"))]
    _, whole_seconds, whole_peak = rows.pop("whole process")
    assert all(state == "done" for state, _, _ in rows.values())
    assert sum(seconds for _, seconds, _ in rows.values()) <= whole_seconds
    # TensorFlow alone takes more than this.
    assert min(peak for _, _, peak in rows.values()) > 200
    assert max(peak for _, _, peak in rows.values()) == whole_peak


def test_a_data_folder_that_is_missing_is_one_error_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["run", "--data-dir", "/nowhere"])

    captured = capsys.readouterr()
    assert status == 1
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "/nowhere" in captured.err
    assert captured.err.count("\n") == 1


def test_a_folder_that_holds_something_is_not_written_to(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("full")
    (folder / "mine.txt").write_text("mine", encoding="utf-8")

    assert main(["scale", "--output", str(folder)]) == 1

    assert str(folder) in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
