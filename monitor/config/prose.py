"""Do the models carry the sentences under their fields?

Documentation and schema want them. To find them, pydantic reads and parses the source of every model while it is made,
which is a third of a start; so whoever only reads a configuration says before importing the models that it does not.
"""

from __future__ import annotations

wanted: bool = True
"""Set before the models are imported."""
