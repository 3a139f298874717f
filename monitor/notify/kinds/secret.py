"""Secrets of integrations: written in the configuration, or in a file that is read at each use.

A secret file that changes is used with its new text at the next attempt; nothing needs a reload for that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from monitor.model.errors import StoreError

_LARGEST_FILE = 64 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class SecretSource:
    """A secret, or the file that holds it. Prints as `<secret>` or as the file's path."""

    inline: str = ""
    path: str = ""

    @classmethod
    def file(cls, path: str) -> SecretSource:
        return cls("", path)

    def __bool__(self) -> bool:
        return bool(self.inline or self.path)

    def __repr__(self) -> str:
        if self.path:
            return f"SecretSource(file={self.path!r})"
        return "SecretSource(<secret>)" if self.inline else "SecretSource(none)"

    __str__ = __repr__

    @property
    def address(self) -> str:
        """Tells sources apart without telling the secret."""
        if self.path:
            return f"file {self.path}"
        return f"#{hashlib.sha256(self.inline.encode()).hexdigest()[:16]}"

    def read(self) -> str:
        """The secret, without surrounding white space. Raises StoreError when its file cannot be read or is empty."""
        if not self.path:
            return self.inline.strip()
        try:
            with Path(self.path).open("rb") as stream:
                text = stream.read(_LARGEST_FILE).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"the secret file {self.path} cannot be read: {type(error).__name__}") from None
        if not text:
            raise StoreError(f"the secret file {self.path} is empty")
        return text
