"""How alerts leave the rules: with the labels of the whole daemon put under their own, then relabelled, or not at all.

What leaves is what routes, silences and incidents see. Stored series and `/api/v1/alerts` have the alert's own labels.
Source: prometheus notifier/manager.go (relabelAlerts).
"""

from __future__ import annotations

from monitor.matching.relabel import NOTHING, Relabeling
from monitor.model.dataclass import dataclass
from monitor.model.labels import EMPTY, Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What happens to an alert's labels."""

    labels: Labels = EMPTY
    """External labels and the environment; an alert's own win."""
    relabeling: Relabeling = NOTHING
    """`alert_relabel_configs`."""

    def dressed(self, own: Labels) -> Labels | None:
        """The labels with which the alert leaves; None if relabelling drops it. Bytes that are no UTF-8, which PromQL may
        spell, leave as U+FFFD."""
        labels = self.labels.merged(own).whole()
        if not self.relabeling:
            return labels
        changed = self.relabeling.apply(labels)
        return None if changed is None else Labels(changed)


AS_THEY_ARE = Leaving()
