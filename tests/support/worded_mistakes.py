"""Mistakes in files of Alertmanager, and the words of amtool 0.25 for each, which are those of newer ones too."""

from __future__ import annotations

from typing import Final

_TAIL: Final = "route: {receiver: r}\nreceivers: [{name: r}]\n"
_HEAD: Final = "route: {receiver: r}\n"

BROKEN_YAML: Final = (
    ("a: [\n", "yaml: line 1: did not find expected node content"),
    ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
    ("a: 1\n b: 2\n", "yaml: line 2: mapping values are not allowed in this context"),
    ("\ta: 1\n", "yaml: found character that cannot start any token"),
    ("a: 'x\n", "yaml: line 2: found unexpected end of stream"),
    ("a: {b\n", "yaml: line 1: did not find expected ',' or '}'"),
    ("- a\nb: 1\n", "yaml: line 1: did not find expected '-' indicator"),
    ("a:\n  - b\n c: d\n", "yaml: line 2: did not find expected key"),
    ("a: 1\nb: *y\n", "yaml: unknown anchor 'y' referenced"),
    ("a: \x07\n", "yaml: control characters are not allowed"),
)
"""Whole files that are no YAML."""

MISFITS: Final = (
    (
        _HEAD + "receivers: [{name: r, pushover_configs: [{user_key: x, token: x, retry: 1d}]}]",
        'time: unknown unit "d" in duration "1d"',
    ),
    (
        _HEAD + "receivers: [{name: r, pushover_configs: [{user_key: x, token: x, expire: 5}]}]",
        'time: missing unit in duration "5"',
    ),
    (
        _HEAD + "receivers: [{name: r, pushover_configs: [{user_key: x, token: x, retry: .s}]}]",
        'time: invalid duration ".s"',
    ),
    (
        _HEAD + "receivers: [{name: r, pushover_configs: [{user_key: x, token: [1]}]}]",
        "line 2: cannot unmarshal !!seq into config.plain",
    ),
    (
        _HEAD + "receivers: [{name: r, telegram_configs: [{bot_token: t, chat_id: {a: 1}}]}]",
        "line 2: cannot unmarshal !!map into int64",
    ),
    (_TAIL + "templates: {a: b}", "line 3: cannot unmarshal !!map into []string"),
    (_TAIL + "bogus: 1", "line 3: field bogus not found in type config.plain"),
    (_TAIL + "inhibit_rules: [{equal: [a], bogus: 1}]", "line 3: field bogus not found in type config.plain"),
    (_TAIL + "inhibit_rules: [{source_match: [a]}]", "line 3: cannot unmarshal !!seq into map[string]string"),
    (
        _TAIL + "time_intervals: [{name: t, time_intervals: [{months: may}]}]",
        "line 3: cannot unmarshal !!str `may` into []timeinterval.MonthRange",
    ),
    (
        _TAIL + "time_intervals: [{name: t, time_intervals: [{times: [noon]}]}]",
        "line 3: cannot unmarshal !!str `noon` into timeinterval.yamlTimeRange",
    ),
    (
        _TAIL + "time_intervals: [{name: t, time_intervals: [{nope: x}]}]",
        "line 3: field nope not found in type timeinterval.TimeInterval",
    ),
    (
        "route: {receiver: r, routes: [{continue: 5}]}\nreceivers: [{name: r}]",
        "line 1: cannot unmarshal !!int `5` into bool",
    ),
    (
        "route: {receiver: r, routes: {a: b}}\nreceivers: [{name: r}]",
        "line 1: cannot unmarshal !!map into []*config.Route",
    ),
    (
        "route: {receiver: r, group_wait: [1]}\nreceivers: [{name: r}]",
        "line 1: cannot unmarshal !!seq into string",
    ),
    ("route: {receiver: [r]}\nreceivers: [{name: r}]", "line 1: cannot unmarshal !!seq into string"),
    (_TAIL + "inhibit_rules: [{target_match_re: {a: '['}}]", "error parsing regexp: missing closing ]: `[)$`"),
    (
        "route: {receiver: r, routes: [{match_re: {a: '('}}]}\nreceivers: [{name: r}]",
        "error parsing regexp: missing closing ): `^(?:()$`",
    ),
)
"""Whole files with a value that does not fit its key."""

SPANS_TAKEN: Final = ("1.5h", "1m30s", "90s", "500ms", "0", "-1m", "+5s", "1.h", ".5m")
"""Durations of Go."""
