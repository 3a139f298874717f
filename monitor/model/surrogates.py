"""Halves of surrogate pairs, which Python can hold in a text and nobody can store, send or show.

They come from two sources. JSON may escape one alone (`"\\ud800"`), and PromQL and YAML may spell bytes that are no UTF-8,
which are kept as halves so that they can be told apart and written back. Go turns both into U+FFFD when they leave as JSON,
and so do we: at each door through which others' JSON comes in, and where an alert leaves its rule.
"""

from __future__ import annotations

import json
import re
from typing import Final

_HALF: Final = re.compile(r"[\ud800-\udfff]")


def is_whole(text: str) -> bool:
    """Is it a text that UTF-8 can hold?"""
    return text.isascii() or _HALF.search(text) is None


def whole(text: str) -> str:
    """The text with U+FFFD for each half."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def json_of(sent: str | bytes) -> object:
    """What others' JSON means, with whole texts only. Raises ValueError or RecursionError."""
    text = sent if isinstance(sent, str) else sent.decode(json.detect_encoding(sent))
    found: object = json.loads(text)
    if "\\ud" not in text and "\\uD" not in text:
        return found
    return json.loads(whole(json.dumps(found, ensure_ascii=False)))
