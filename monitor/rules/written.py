"""What one evaluation of a rule writes."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.labels import Labels


@dataclass(frozen=True, slots=True)
class Written:
    """What one evaluation writes. `labels` is the same object as last time if the series are the same: most of what there
    is to do for a series is done for the list, once."""

    labels: tuple[Labels, ...] = ()
    values: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)
