"""A port that is taken is reported before any model is loaded."""

import asyncio
import socket
from pathlib import Path

import pytest

from serving.model_server.config.flags import parse_flags
from serving.model_server.errors import ModelServerError
from serving.model_server.server import ModelServer


@pytest.mark.parametrize("flag", ["port", "rest_api_port"])
def test_a_port_in_use_is_noticed_before_models_load(flag: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # A server would wait for a first version in this folder for ever.
        flags = ["--port=0", f"--model_base_path={tmp_path}", f"--{flag}={port}"]
        with pytest.raises(ModelServerError, match=rf"--{flag}: cannot listen on 127\.0\.0\.1:{port}"):
            asyncio.run(asyncio.wait_for(ModelServer(parse_flags(flags)).run(), 60))
