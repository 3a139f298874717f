"""How alerts leave the rules: with the labels of the whole daemon put under their own, then relabelled, or not at all.

What leaves is what routes, silences and incidents see. Stored series and `/api/v1/alerts` have the alert's own labels.
Where the default tree routes them, alerts of a check leave with its name as their `job`, so that a service that is checked
and scraped under one name is one service (see `config.default_tree`).
Source: prometheus notifier/manager.go (relabelAlerts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monitor.matching.relabel import NOTHING, Relabeling
from monitor.model.labels import EMPTY, Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What happens to an alert's labels."""

    labels: Labels = EMPTY
    """External labels and the environment; an alert's own win."""
    relabeling: Relabeling = NOTHING
    """`alert_relabel_configs`."""
    names_job: bool = False
    """An alert that has a `check` and no `job` gets the check's name as its job. Not Prometheus's."""

    def dressed(self, own: Labels) -> Labels | None:
        """The labels with which the alert leaves; None if relabelling drops it. Bytes that are no UTF-8, which PromQL may
        spell, leave as U+FFFD."""
        labels = self.labels.merged(own).whole()
        if self.relabeling:
            changed = self.relabeling.apply(labels)
            if changed is None:
                return None
            labels = Labels(changed)
        if self.names_job and (check := labels.get(_CHECK, "")) and not labels.get(_JOB, ""):
            return labels.with_(**{_JOB: check})
        return labels


_CHECK: Final = "check"
_JOB: Final = "job"
AS_THEY_ARE = Leaving()
