"""The wrapping key a gateway uses now, and those that open what it recorded before."""

from __future__ import annotations

from pathlib import Path

from twisted_hoop.errors import ConfigurationError, HoopError, RecordingFailed
from twisted_hoop.recording.data_keys import WrappedKey
from twisted_hoop.recording.wrapping import FILE, KeyRing, Transit, WrappingKey, file_key, transit_key
from twisted_hoop.settings import RecordingSection


class KeyKeeper:
    """Makes data keys for new recordings; `ring` opens them, and older ones.

    `transit` is the key in Vault that `key_provider = "vault-transit"` needs. Construction raises ConfigurationError
    when a key file cannot be used, or there is no Vault although one is needed.
    """

    def __init__(self, settings: RecordingSection, state: Path, transit: Transit | None) -> None:
        self._transit = transit
        self.ring = ring_of(state, settings.wrapping_key, transit)
        self._key: WrappingKey | None = None
        if settings.key_provider == "file":
            self._use(file_key(state, settings.wrapping_key))
        elif transit is None:
            raise ConfigurationError(["recording.key_provider: vault-transit needs VAULT_ADDR in the environment"])

    def prepare(self) -> None:
        """Have a wrapping key. Asks Vault where that is configured: blocking. Raises HoopError."""
        if self._key is None:
            assert self._transit is not None
            try:
                self._use(transit_key(self._transit))
            except HoopError as error:
                raise HoopError(f"recordings cannot be encrypted: {error}") from error

    def _use(self, key: WrappingKey) -> None:
        self._key = key
        self.ring.add(key)

    def new(self, session: str) -> tuple[bytes, WrappedKey]:
        """A data key for a session, and what its key file holds; RecordingFailed when there is no wrapping key yet."""
        if self._key is None:
            raise RecordingFailed("there is no key yet to encrypt the recording with")
        return self._key.new(session)


def ring_of(state: Path, configured: str = "", transit: Transit | None = None) -> KeyRing:
    """What opens the recordings of the gateway with this state folder: its file, the configured one, and Vault."""
    files = (Path(configured), state / FILE) if configured else (state / FILE,)
    return KeyRing(files, transit)
