"""Label sets seen from inside: whether a fingerprint was reckoned before anybody asked for it."""

from __future__ import annotations

from typing import Final

from monitor.model.labels import Labels

_SLOT: Final = Labels.__dict__["fingerprint"]


def knows_fingerprint(labels: Labels) -> bool:
    """Without reckoning it, which a look at the attribute would do."""
    try:
        _SLOT.__get__(labels)
    except AttributeError:
        return False
    return True
