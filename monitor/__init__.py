"""Watchkeeper: probes, scrapes, evaluates rules, pages people, and proves that it did.

`docs/architecture.md` draws the rooms of this package and who may import whom.
"""

__version__ = "0.1.0"
