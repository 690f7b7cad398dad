"""How large a request may be, and how many may be under way."""

from dataclasses import dataclass

import grpc

from serving.model_server.errors import ModelServerError


@dataclass(frozen=True)
class Limits:
    """What one server takes on.

    Attributes:
      message_bytes: of a request, as it travels and as the array of any of its tensors.
      batch_rows: the first dimension of any input.
      requests: how many are under way at once, those that wait for a thread included.
    """

    message_bytes: int
    batch_rows: int
    requests: int

    def check_rows(self, alias: str, rows: int) -> None:
        """Refuses an input with too many rows, before its values are read.

        Raises:
          ModelServerError: RESOURCE_EXHAUSTED.
        """
        if rows > self.batch_rows:
            raise ModelServerError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"input {alias} has {rows} rows, more than the limit of {self.batch_rows}",
            )
