"""A log of the requests that a client sends, for monitoring what is served.

from serving.client import Client
from serving.request_log import RequestLog

with RequestLog(Path("requests"), share=0.01) as log, Client("localhost:8500", on_request=log) as client:
    client.recommend("42")
"""

from serving.request_log.log import RequestLog, RequestLogError

__all__ = ["RequestLog", "RequestLogError"]
