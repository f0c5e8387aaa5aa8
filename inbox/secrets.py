"""Channel secrets at rest: encrypted with a key derived from `SKRYNKA_SECRET_KEY` (Fernet: AES-128-CBC with HMAC)."""

import base64
import hashlib
import hmac

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class WrongKey(Exception):
    """The key is not the one that sealed this."""


class SecretBox:
    """Seals and opens small dictionaries of secrets."""

    def __init__(self, secret_key: str) -> None:
        self._material = secret_key.encode()
        self._fernet = Fernet(base64.urlsafe_b64encode(self.derive("channel secrets")))

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose; keys of different purposes tell nothing of each other."""
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"skrynka:" + purpose.encode()).derive(
            self._material
        )

    @property
    def fingerprint(self) -> str:
        """What may be shown and stored of the key, to notice another one at start-up."""
        return hmac.new(self.derive("fingerprint"), b"skrynka", hashlib.sha256).hexdigest()[:32]

    def seal(self, secrets: dict[str, str]) -> bytes:
        """Encrypt."""
        return self._fernet.encrypt(msgspec.json.encode(secrets))

    def open(self, sealed: bytes) -> dict[str, str]:
        """Decrypt. Raises `WrongKey` for what another key sealed."""
        try:
            return msgspec.json.decode(self._fernet.decrypt(sealed), type=dict[str, str])
        except InvalidToken as error:
            raise WrongKey("SKRYNKA_SECRET_KEY is not the key that these secrets were stored with") from error
