"""The installation's key: given, from the environment, or in a file that only its owner can read."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from crmhub.errors import StoreError
from crmhub.store.secrets import KEY_BYTES

__all__ = [
    "KEY_VARIABLE",
    "NEW_KEY_VARIABLE",
    "KeySource",
    "decoded_key",
    "key_file_of",
    "make_key",
    "write_keys",
]

KEY_VARIABLE = "CRMHUB_KEY"
NEW_KEY_VARIABLE = "CRMHUB_NEW_KEY"
_MAKE = "make one with: openssl rand -base64 32"


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the key comes from: ``key`` itself, else the environment, else ``file``.

    There are several keys in the middle of a rotation: the file then holds a line for each, and the
    environment ``CRMHUB_NEW_KEY`` beside ``CRMHUB_KEY``.
    """

    key: SecretStr | None
    file: Path | None

    def find(self) -> list[bytes]:
        """The keys to try, the newest of a file first; none when there never was one.

        Raises :class:`StoreError` for a bad one.
        """
        if self.key is not None:
            return [decoded_key(self.key, "the key")]
        named = [(name, os.environ[name]) for name in (KEY_VARIABLE, NEW_KEY_VARIABLE) if name in os.environ]
        if KEY_VARIABLE in os.environ:
            return [decoded_key(SecretStr(value), name) for name, value in named]
        return [] if self.file is None else _read(self.file)

    @property
    def in_file(self) -> Path | None:
        """The file that the key stands in, if that is where it comes from."""
        return None if self.key is not None or KEY_VARIABLE in os.environ else self.file

    def demand(self) -> None:
        """Raise :class:`StoreError` when there is neither a key nor a file to make one in."""
        if self.file is None and not self.find():
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
            write_keys(self.file, [key])
        return key


def key_file_of(database: Path) -> Path:
    """Where the key of a store in a file is kept, unless another place is named."""
    return database.with_name(f"{database.name}.key")


def make_key() -> bytes:
    """A new random key."""
    return os.urandom(KEY_BYTES)


def decoded_key(text: SecretStr, name: str) -> bytes:
    """The key that stands for itself in base64; ``name`` says in errors where it was found."""
    return _decoded(text.get_secret_value(), name, _MAKE)


def _decoded(text: str, name: str, hint: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise StoreError(f"{name} is not a key: {KEY_BYTES} bytes in base64 are needed", hint=hint)
    return key


def _read(file: Path) -> list[bytes]:
    try:
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise StoreError(
                f"others can read the key file {file}", hint=f"close it to them: chmod 600 {file}"
            )
        text = file.read_text("ascii")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StoreError(
            f"the key file {file} cannot be read: {reason}", hint="check the file and its permissions"
        ) from error
    lines = text.split() or [""]
    return [_decoded(line, f"the key file {file}", "put the right file back from a backup") for line in lines]


def write_keys(file: Path, keys: Sequence[bytes]) -> None:
    """Write the key file: complete, private and on the disk from the first moment that it has its name.

    Call it under the store's write lock. Raises :class:`StoreError` when it cannot be written.
    """
    content = b"".join(base64.b64encode(key) + b"\n" for key in keys)
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
