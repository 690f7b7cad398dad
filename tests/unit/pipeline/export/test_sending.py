"""A run that has ended is sent to a real HTTP server and into a real MLflow store; nothing fails it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline.config import ConfigError, PipelineConfig, load_config
from pipeline.config_sections import ExportConfig
from pipeline.export.outcome import RunOutcome, outcome_of
from pipeline.export.sending import sent

REPORT = {
    "run": {"id": "2026-01-31T08:00:00"},
    "sections": {
        "run": {"metrics": {"config": {"seed": 42, "data": {"split": "random"}}}},
        "models": {
            "metrics": {
                "recommender": {
                    "pushed": "17",
                    "evaluation": {"metrics": {"recall@10": {"value": 0.25, "lower": None, "upper": None}}},
                },
                "ranking": {"pushed": "17", "evaluation": None},
            }
        },
    },
}


@pytest.fixture
def outcome(tmp_path: Path) -> RunOutcome:
    (tmp_path / "index.html").touch()
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    pages = {"report": tmp_path / "index.html", "index": None}
    return outcome_of("movielens", "ml-100k", "random", "", pages)


class Receiver:
    """A server that keeps what it gets and answers with one status."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.export = ExportConfig(webhook=SecretStr(f"http://127.0.0.1:{self.server.server_port}/secret"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def test_the_webhook_gets_verdict_metrics_and_links(outcome: RunOutcome, receiver: Receiver) -> None:
    assert list(sent(receiver.export, outcome)) == ["webhook: delivered, answered 204"]

    [got] = receiver.got
    assert (got["run"], got["verdict"], got["pushed"]) == ("2026-01-31T08:00:00", "passed", "17")
    assert got["metrics"] == {"recommender": {"recall@10": 0.25}}
    assert list(got["links"]) == ["report"]
    assert got["links"]["report"].startswith("file:///")


def test_a_receiver_that_refuses_or_is_gone_is_one_line_without_its_address(
    outcome: RunOutcome, receiver: Receiver
) -> None:
    receiver.status = 500
    [refused] = sent(receiver.export, outcome)
    receiver.server.server_close()
    [gone] = sent(receiver.export, outcome)

    assert refused.startswith("webhook: NOT SENT: answered 500")
    assert gone == "webhook: NOT SENT: ConnectionError"
    assert "secret" not in refused + gone


def test_a_run_without_a_report_is_sent_as_failed(receiver: Receiver) -> None:
    outcome = outcome_of("movielens", "ml-100k", "random", "RatingsGen: no space", {"report": None})

    list(sent(receiver.export, outcome))

    [got] = receiver.got
    assert (got["verdict"], got["problem"], got["metrics"]) == ("failed", "RatingsGen: no space", {})


@pytest.mark.slow  # Importing MLflow takes seconds.
def test_mlflow_gets_settings_and_metrics(outcome: RunOutcome, tmp_path: Path) -> None:
    uri = (tmp_path / "mlflow").as_uri()

    [line] = sent(ExportConfig(mlflow_uri=uri), outcome)

    assert line.startswith("MLflow: run "), line
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("movielens")
    assert experiment is not None
    [found] = client.search_runs([experiment.experiment_id])
    assert found.data.params == {"seed": "42", "data.split": "random"}
    assert found.data.metrics == {"recommender/recall_at_10": 0.25}
    assert found.data.tags["verdict"] == "passed"
    assert found.info.run_name == "2026-01-31T08:00:00"
    assert found.info.status == "FINISHED"


@pytest.mark.slow
def test_an_mlflow_that_cannot_be_reached_is_one_line(outcome: RunOutcome) -> None:
    [line] = sent(ExportConfig(mlflow_uri="no-such-scheme://nowhere"), outcome)

    assert line.startswith("MLflow: NOT SENT: ")


def test_addresses_are_settings_and_the_webhook_is_a_secret() -> None:
    config = load_config(None, ["export.webhook=https://hooks.example/T0KEN", "export.mlflow_uri=http://m"])

    assert config.export.mlflow_uri == "http://m"
    assert "T0KEN" not in str(config)
    assert "T0KEN" not in config.model_dump_json()
    assert PipelineConfig().export == ExportConfig()
    with pytest.raises(ConfigError, match=r"export\.webhook is not an address"):
        load_config(None, ["export.webhook=ftp://hooks.example"])
