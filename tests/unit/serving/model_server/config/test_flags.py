"""The command line."""

from pathlib import Path

import pytest

from serving.model_server.config.flags import parse_flags


def test_one_model_with_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = parse_flags(["--model_name=m", "--model_base_path=models/m"])
    assert (settings.address, settings.grpc_port, settings.rest_port) == ("127.0.0.1", 8500, None)
    assert [(model.name, model.base_path) for model in settings.models] == [("m", tmp_path / "models/m")]
    assert list(settings.model_roots) == [tmp_path / "models/m"]
    assert settings.batching is None
    assert settings.metrics_path is None
    assert settings.warm_up


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ([], "give either --model_config_file or --model_base_path"),
        (["--model_config_file=a", "--model_base_path=b"], "give either"),
        (["--model_base_path=b", "--batching_parameters_file=c"], "without --enable_batching"),
        (["--model_base_path=b", "--monitoring_config_file=c"], "needs --rest_api_port"),
        (["--model_base_path=b", "--enable_per_model_batching_parameters"], "without --enable_batching"),
        (["--model_base_path=b", "--drain_seconds=inf"], "'inf' is not a number of seconds"),
        # What nobody may believe to be on.
        (["--model_base_path=b", "--use_alts_credentials=true"], "unrecognized arguments"),
        (["--model_base_path=b", "--port=70000"], "70000 is not between 0 and 65535"),
        (["--model_base_path=b", "--enable_batching=maybe"], "'maybe' is neither true nor false"),
        (["--model_base_path=b", "--por=1"], "unrecognized arguments: --por=1"),
    ],
)
def test_a_wrong_flag_is_named(flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_flags(flags)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(("text", "on"), [("", True), ("=true", True), ("=false", False), ("=0", False)])
def test_a_switch_may_stand_alone(text: str, on: bool) -> None:
    settings = parse_flags(["--model_base_path=b", f"--enable_batching{text}"])
    assert (settings.batching is not None) is on
