"""What an application is started with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AppSettings:
    """The settings of one application.

    Attributes:
      models: the folder that holds the pushed models, with catalogues and manifests.
      feedback: where ratings and impressions are written.
      variants: labels of versions of the recommender that are compared; users are divided by a hash.
      requests_per_minute: of one client, beyond which it gets 429.
      secret: signs the session cookies. Processes that share their visitors need the same one.
      secure_cookies: send the cookie over HTTPS only.
    """

    models: Path
    feedback: Path
    variants: tuple[str, ...] = ()
    requests_per_minute: int = 600
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    secure_cookies: bool = False
