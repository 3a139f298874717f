"""Opening the files that users name, with a reason that they understand when one cannot be read."""

from __future__ import annotations

from pathlib import Path


def read_text(file: str | Path) -> str:
    """A text file. Raises UnreadableError."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UnreadableError(unreadable(error)) from error


class UnreadableError(Exception):
    """Why a file cannot be read, in words that follow `cannot be read: `."""


def unreadable(error: OSError | ValueError) -> str:
    """Why a file could not be read."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is no text in UTF-8 (byte {error.object[error.start]:#04x} at {error.start})"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
