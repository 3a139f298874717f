"""Rules: expressions that become series, and expressions that become alerts.

A group is a list of rules with one interval, read in order (`groups`, `rule_files`). At each of its slots a group's rules
are evaluated one after the other, each one's samples written before the next one reads (`evaluating`). A recording rule
writes what its expression gives (`recording`); an alerting rule steps the states of its alerts (`states`), whose texts
are templates (`texts`, `template_functions`). What went missing since the last slot gets a stale marker (`staleness`).

Two things trigger an alerting rule. The slot, with exactly Prometheus's semantics, is the only one that writes samples.
The early look comes when a result arrives that the rule selects (`early`): it steps the alert states at the result's time
and writes nothing, so that an alert need not wait for its slot, while everything recorded stays what Prometheus records.

Alert states are stored in full and restored at start and at a reload (`restore`). Alerts leave through `AlertSink`, again
and again while they fire, so that a lost hand-off repairs itself. Unit tests of rules run the same code in virtual time
(`unit_tests`).

Source of the semantics: prometheus rules/, docs/configuration/alerting_rules.md and recording_rules.md.
"""
