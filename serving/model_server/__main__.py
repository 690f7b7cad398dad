"""The command: flags to settings, a server, an exit status."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

from serving.model_server.config.flags import parse_flags
from serving.model_server.errors import ModelServerError
from serving.model_server.server import ModelServer, Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT.

    Returns:
      The exit status.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname).1s %(message)s", stream=sys.stderr
    )
    # Its loader logs a deprecation warning at every call.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # It logs a traceback for each request that is not HTTP. Errors of this server are logged elsewhere.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    try:
        finished = asyncio.run(_serve(parse_flags(arguments)))
    except ModelServerError as error:
        print(f"model_server: {error}", file=sys.stderr)
        return 1
    if not finished:
        logging.error("Requests were still computing after --drain_seconds, and are given up")
        # The threads that compute them would keep the interpreter from ending.
        os._exit(1)
    return 0


async def _serve(settings: Settings) -> bool:
    server = ModelServer(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    return await server.run()


if __name__ == "__main__":
    sys.exit(main())
