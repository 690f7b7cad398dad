"""The Beam runner profiles."""

import pytest

from pipeline.beam_runners import beam_pipeline_args

IMAGE = "--sdk_container_image=registry/movielens:1"


def test_local_runs_in_process_and_builds_no_distribution_of_tfx():
    assert beam_pipeline_args("local") == ["--runner=FnApiRunner", "--sdk_container_image=unused"]


def test_own_flags_come_last_and_replace_those_of_the_profile():
    args = ["--direct_num_workers=2", IMAGE]
    assert beam_pipeline_args("local", args) == ["--runner=FnApiRunner", *args]


@pytest.mark.parametrize(
    ("runner", "args", "missing"),
    [
        ("flink", [], ["--job_endpoint=", "--sdk_container_image="]),
        ("spark", [IMAGE], ["--job_endpoint="]),
        ("spark", [IMAGE, "--job_endpoint="], ["--job_endpoint="]),
        ("dataflow", ["--project=p", IMAGE], ["--region=", "--temp_location="]),
    ],
)
def test_missing_flags_are_named(runner, args, missing):
    with pytest.raises(ValueError, match=f"beam.runner is '{runner}', so beam.args needs") as error:
        beam_pipeline_args(runner, args)
    assert [part.split("<")[0] for part in str(error.value).split("needs ")[1].split(", ")] == missing


def test_complete_profiles():
    flink = ["--job_endpoint=host:8099", IMAGE]
    assert beam_pipeline_args("flink", flink)[0] == "--runner=PortableRunner"
    # Workers that are there already do not need an image.
    beam_pipeline_args("flink", ["--job_endpoint=host:8099", "--environment_type=EXTERNAL"])
    dataflow = ["--project=p", "--region=r", "--temp_location=gs://b/t", IMAGE]
    assert beam_pipeline_args("dataflow", dataflow) == ["--runner=DataflowRunner", *dataflow]


@pytest.mark.parametrize("flag", ["region=r", "-x", "--", "--=1", "--no such=1"])
def test_malformed_flag_is_refused(flag):
    with pytest.raises(ValueError, match="is not a flag of the form --name=value"):
        beam_pipeline_args("local", [flag])


def test_runner_cannot_be_smuggled_in():
    with pytest.raises(ValueError, match=r"choose the runner with beam\.runner"):
        beam_pipeline_args("local", ["--runner=DaskRunner"])
