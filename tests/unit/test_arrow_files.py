"""An Arrow file from outside runs no code of its sender (CVE-2023-47248 of pyarrow before 14.0.1)."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from packaging.version import Version

READ = "import sys, pyarrow as pa; pa.ipc.open_stream(pa.OSFile(sys.argv[1])).read_all()"


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return open, (str(self._path), "w")


def runs_code_of_the_sender(folder: Path, reader: str) -> bool:
    """Whether `reader` runs what an Arrow stream with a pickled extension type holds."""
    touched, stream = folder / "touched", folder / "stream.arrow"
    extension = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Touch(touched)),
    }
    schema = pa.schema([pa.field("title", pa.int64(), metadata=extension)])
    with pa.OSFile(str(stream), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.table([pa.array([1])], schema=schema))
    subprocess.run([sys.executable, "-c", reader, str(stream)], cwd=folder, check=False, capture_output=True)
    return touched.exists()


@pytest.mark.slow
def test_a_process_of_the_pipeline_runs_no_code_from_an_arrow_file(tmp_path: Path) -> None:
    assert not runs_code_of_the_sender(tmp_path, f"import apache_beam; {READ}")


def test_the_reader_of_raw_files_runs_no_code_from_an_arrow_file(tmp_path: Path) -> None:
    assert not runs_code_of_the_sender(tmp_path, f"import movielens.packed; {READ}")


@pytest.mark.skipif(
    Version(metadata.version("pyarrow")) >= Version("14.0.1"), reason="this pyarrow does not load the type"
)
def test_pyarrow_alone_would_run_it(tmp_path: Path) -> None:
    assert runs_code_of_the_sender(tmp_path, READ)
