"""The installation's key: given, from the environment, or in a file that only its owner can read."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from crmhub.errors import StoreError
from crmhub.store.secrets import KEY_BYTES

__all__ = ["KEY_VARIABLE", "KeySource", "key_file_of", "make_key"]

KEY_VARIABLE = "CRMHUB_KEY"
_MAKE = "make one with: openssl rand -base64 32"


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the key comes from: ``key`` itself, else the environment, else ``file``."""

    key: SecretStr | None
    file: Path | None

    def find(self) -> bytes | None:
        """The key, or ``None`` when it was never made. Raises :class:`StoreError` for a bad one."""
        if self.key is not None:
            return _decoded(self.key.get_secret_value(), "the key", _MAKE)
        value = os.environ.get(KEY_VARIABLE)
        if value is not None:
            return _decoded(value, KEY_VARIABLE, _MAKE)
        return None if self.file is None else _read(self.file)

    def demand(self) -> None:
        """Raise :class:`StoreError` when there is neither a key nor a file to make one in."""
        if self.file is None and self.find() is None:
            raise StoreError(
                "a store on a server needs the key that its tokens are encrypted with",
                hint=f"set {KEY_VARIABLE} to the same key wherever crmhub runs; {_MAKE}",
            )

    def __str__(self) -> str:
        if self.key is not None:
            return "the key that was given"
        if KEY_VARIABLE in os.environ:
            return KEY_VARIABLE
        return f"the key file {self.file}" if self.file else "a key made for this process"

    def make(self) -> bytes:
        """A new key, kept in the file if there is one to be; call it under the store's write lock."""
        key = make_key()
        if self.file is not None:
            _write(self.file, base64.b64encode(key) + b"\n")
        return key


def key_file_of(database: Path) -> Path:
    """Where the key of a store in a file is kept, unless another place is named."""
    return database.with_name(f"{database.name}.key")


def make_key() -> bytes:
    """A new random key."""
    return os.urandom(KEY_BYTES)


def _decoded(text: str, name: str, hint: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise StoreError(f"{name} is not a key: {KEY_BYTES} bytes in base64 are needed", hint=hint)
    return key


def _read(file: Path) -> bytes | None:
    try:
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise StoreError(
                f"others can read the key file {file}", hint=f"close it to them: chmod 600 {file}"
            )
        text = file.read_text("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StoreError(
            f"the key file {file} cannot be read: {reason}", hint="check the file and its permissions"
        ) from error
    return _decoded(text, f"the key file {file}", "put the right file back from a backup")


def _write(file: Path, content: bytes) -> None:
    """Complete, private and on the disk from the first moment that the file has its name."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
        _keep_name(file)
    except OSError as error:
        raise StoreError(
            f"the key file {file} cannot be written: {error.strerror}",
            hint=f"choose a folder that you may write to, or set {KEY_VARIABLE}; {_MAKE}",
        ) from error


def _keep_name(file: Path) -> None:
    """See to it that a power cut does not take the file's name away; only POSIX has a way."""
    if os.name != "posix":
        return
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
