"""The load benchmark against the local server and pushed models."""

import re
from pathlib import Path

import pytest

from benchmarks.serving.__main__ import main
from tests.pipeline_run import PipelineRun


@pytest.mark.slow
def test_versions_swap_and_roll_back_under_load_without_a_failed_request(
    sample_run: PipelineRun, capsys: pytest.CaptureFixture[str]
) -> None:
    models = sample_run.output / "serving"
    assert main(["load", f"--models={models}", "--swaps-only", "--seconds=1"]) == 0
    out = capsys.readouterr().out
    swaps = re.search(r"(\d+) swaps and (\d+) rollbacks in .* ([\d,]+) requests answered, (\d+) failed", out)
    assert swaps is not None, out
    assert swaps[1] == swaps[2] == "2"
    assert int(swaps[3].replace(",", "")) > 10
    assert swaps[4] == "0", out
    # Both versions of both models have answered.
    answered = dict(re.findall(r"(\w+ version \d+): ([\d,]+)", out))
    assert set(answered) == {
        f"{model} version {number}" for model in ("ranking", "retrieval") for number in (1, 2)
    }


def test_a_folder_without_models_is_one_error_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["load", f"--models={tmp_path}"]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"error: {tmp_path}/retrieval is not a folder")
    assert message.count("\n") == 1
