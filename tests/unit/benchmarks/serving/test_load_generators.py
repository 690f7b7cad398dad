"""ghz beside our own benchmark: how it is started, what its report means, and when the two agree."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from benchmarks.measured_run import BenchmarkError
from benchmarks.serving.load_generators import GeneratorCell, agree, ghz_timings, run_ghz, write_files
from benchmarks.serving.timings import Timings

# As ghz 0.120 prints it; latencies in nanoseconds.
REPORT = {
    "count": 300,
    "rps": 150.5,
    "statusCodeDistribution": {"OK": 300},
    "latencyDistribution": [
        {"percentage": 50, "latency": 2_500_000},
        {"percentage": 99, "latency": 9_000_000},
    ],
}


def cell(*medians: float) -> GeneratorCell:
    return GeneratorCell("any", 1, [Timings(p50, 2 * p50, 100.0, 10) for p50 in medians])


def program(folder: Path, code: str) -> Path:
    found = folder / "ghz"
    found.write_text(f"#!{sys.executable}\nimport json, sys\n{code}\n")
    found.chmod(0o755)
    return found


def test_a_report_of_ghz_is_in_milliseconds() -> None:
    assert ghz_timings(REPORT) == Timings(2.5, 9.0, 150.5, 300)


@pytest.mark.parametrize("codes", [{"OK": 299, "Unavailable": 1}, {}, None])
def test_a_request_that_failed_is_an_error(codes: Any) -> None:
    with pytest.raises(BenchmarkError, match="ghz"):
        ghz_timings({**REPORT, "statusCodeDistribution": codes})


def test_ghz_gets_the_requests_and_the_api(tmp_path: Path) -> None:
    files = write_files(tmp_path, [b"x" * 200, b"yz"])
    # Each message has its length before it: 200 takes two bytes.
    assert files[1].read_bytes() == b"\xc8\x01" + b"x" * 200 + b"\x02yz"
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(files[0].read_bytes()).file:
        pool.Add(file)
    service = pool.FindServiceByName("tensorflow.serving.PredictionService")
    assert "Predict" in {method.name for method in service.methods}

    ghz = program(tmp_path, f"open({str(tmp_path / 'flags')!r}, 'w').write(chr(10).join(sys.argv[1:]))\n"
                            f"print({json.dumps(REPORT)!r})")  # fmt: skip
    assert run_ghz(ghz, "127.0.0.1:8500", files, 4, 1.5).calls == 300
    flags = (tmp_path / "flags").read_text().splitlines()
    assert {"--concurrency=4", "--connections=4", "--duration=1.5s"} <= set(flags)
    assert "--call=tensorflow.serving.PredictionService.Predict" in flags
    assert flags[-1] == "127.0.0.1:8500"


def test_ghz_that_fails_or_is_missing(tmp_path: Path) -> None:
    files = write_files(tmp_path, [b"x"])
    with pytest.raises(BenchmarkError, match="connection refused"):
        run_ghz(program(tmp_path, "sys.exit('connection refused')"), "127.0.0.1:1", files, 1, 1.0)
    with pytest.raises(BenchmarkError, match="--ghz"):
        run_ghz(tmp_path / "missing", "127.0.0.1:1", files, 1, 1.0)


def test_two_agree_where_they_differ_by_less_than_their_turns() -> None:
    assert cell(3.0, 3.5, 4.0).middle("p50") == 3.5
    assert cell(3.0, 3.5, 4.0).noise == pytest.approx(1 / 3.5)
    assert agree(cell(3.0, 3.5, 4.0), cell(4.4, 4.45, 4.5))
    assert not agree(cell(3.4, 3.5, 3.6), cell(4.4, 4.45, 4.5))
