"""Bytes as Go's %q shows them, for error texts that may hold anything."""

from __future__ import annotations

from monitor.model.labels import quote


def quote_bytes(text: bytes) -> str:
    """Quoted; bytes that are no UTF-8 appear as `\\xff`."""
    shown = text.decode("utf-8", "surrogateescape")
    if not any("\udc80" <= char <= "\udcff" for char in shown):
        return quote(shown)
    inner = (f"\\x{ord(char) - 0xDC00:02x}" if "\udc80" <= char <= "\udcff" else quote(char)[1:-1] for char in shown)
    return '"' + "".join(inner) + '"'
