"""Object storage as the configuration names it. Connects to nothing yet."""

from __future__ import annotations

from typing import Any

from twisted_hoop.archive.storage import MIB, Storage
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.settings import StorageSection

_PATIENCE = {"timeout": "60s", "connect_timeout": "10s"}


def open_storage(section: StorageSection, access_key: str, secret_key: str, *, looks_only: bool = False) -> Storage:
    """The storage of a section, with its secrets in clear. ConfigurationError when it cannot be.

    `looks_only` makes no folder that is not there.
    """
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    options: dict[str, Any] = {}
    if section.url.startswith("s3:"):
        named = {
            "endpoint": section.endpoint,
            "region": section.region,
            "access_key_id": access_key,
            "secret_access_key": secret_key,
        }
        options["config"] = {name: value for name, value in named.items() if value}
        options["client_options"] = {**_PATIENCE, "allow_http": section.endpoint.startswith("http:")}
        options["retry_config"] = {"max_retries": 2}
    elif section.url.startswith("file:"):
        options["mkdir"] = not looks_only
    try:
        return Storage(from_url(section.url, **options), section.segment * MIB)
    except (BaseError, ValueError, OSError) as error:
        raise ConfigurationError([f"recording.storage: {str(error).partition(chr(10))[0][:300]}"]) from error
