"""One run tells every mistake that can be known: what is wrong in one place hides nothing that is wrong in another."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cli.check_config import checked_file
from monitor.config.environment import Environment
from monitor.config.loading import load
from monitor.config.overrides import Overrides
from monitor.config.pruning import Pruning, is_echo
from monitor.config.yamltree import read
from monitor.model.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own import

NOTHING_SET = Environment(_env_file=None)  # pyright: ignore[reportCallIssue]


def told(folder: Path, text: str, *, warnings: bool = False, **files: str) -> list[str]:
    """`line:column: path` and the beginning of what is wrong."""
    for name, content in files.items():
        (folder / f"{name}.yml").write_text(content, encoding="utf-8")
    (folder / "watchkeeper.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(Overrides(config=str(folder / "watchkeeper.yml")), NOTHING_SET, {})
    return [
        f"{Path(one.file).name}:{one.line}:{one.column}: {one.path}: {one.problem}"
        for one in caught.value.findings
        if one.warning == warnings
    ]


def test_a_mistake_of_form_hides_no_mistake_of_meaning(tmp_path: Path) -> None:
    """Neither in other sections, nor in the same one, nor in the same entry."""
    text = """\
people:
  ana: {console: maybe}
  bo: {email: bo@example.com}
policies:
  default: {steps: [{notify: ["user:nobody"]}]}
  other: {steps: [{after: 3x, notify: ["schedule:none"]}]}
storage: {database: "postgres://x", retention: 15x}
web: {listen: "127.0.0.1:99999", surprise: 1}
flapping: [{matchers: ['a="b"'], receivers: [lost], window: 1s}]
maintenance: [{name: m, matchers: ['a="b"'], cron: "99 * * * *", duration: 1h, announce_to: lost}]
log: {level: loud}
prometheus_file: none.yml
"""
    assert told(tmp_path, text) == [
        "watchkeeper.yml:2:9: people.ana.console: true or false is wanted here",
        'watchkeeper.yml:6:20: policies.other.steps[0].after: not a valid duration string: "3x"',
        'watchkeeper.yml:7:37: storage.retention: not a valid duration string: "15x"',
        'watchkeeper.yml:8:34: web.surprise: "surprise" is not a known key here',
        "watchkeeper.yml:11:7: log.level: is none of the words that are known here",
        f"watchkeeper.yml:12:1: prometheus_file: {tmp_path}/none.yml cannot be read: No such file or directory",
        "watchkeeper.yml:3:3: people.bo: bo cannot be reached by email",
        'watchkeeper.yml:5:31: policies.default.steps[0].notify[0]: "user:nobody" is not defined',
        'watchkeeper.yml:6:40: policies.other.steps[0].notify[0]: "schedule:none" is not defined',
        'watchkeeper.yml:10:46: maintenance[0].cron: "99 * * * *" is no cron expression',
        'watchkeeper.yml:10:80: maintenance[0].announce_to: nobody hears what is announced to "lost"',
        'watchkeeper.yml:9:46: flapping[0].receivers[0]: "lost" is no receiver',
        "watchkeeper.yml:9:53: flapping[0].window: is shorter than a minute",
        'watchkeeper.yml:8:7: web.listen: "127.0.0.1:99999" is not an address to listen at',
        "watchkeeper.yml:7:11: storage.database: only SQLite is served yet",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "people: {ana: nobody}\npolicies: {default: {steps: [{notify: ['user:ana']}]}}\n",
        "people: {ana: {console: perhaps}}\nsilences: {remind_to: 'user:ana', remind_before: 1h}\n",
        "policies: {p: {steps: 5}}\nreceivers: [{name: default, escalation_configs: [{policy: p}]}]\n",
        "policies: {p: {}}\nescalate: {default: p}\n",
        "receivers: [{name: default, console_configs: 3}, {name: b, console_configs: [{}], fallback: default}]\n",
        "receivers: [{name: default, console_configs: 3}]\nsilences: {remind_to: default, remind_before: 1h}\n",
        "alertmanager: {route: {receiver: a}, receivers: [{name: a, x: 1}]}\nescalate: {a: p}\npolicies: {p: {steps: [{notify: ['console:']}]}}\n",
        "alertmanager_file: none.yml\nescalate: {a: default}\npolicies: {default: {steps: [{notify: ['receiver:a']}]}}\n",
        "alertmanager_file: broken.yml\nflapping: [{receivers: [a]}]\nsilences: {remind_to: a, remind_before: 1h}\n",
        "rule_options: [{no_data: keep}]\n",
    ],
)
def test_whoever_refers_to_what_is_wrong_makes_no_mistake(text: str, tmp_path: Path) -> None:
    """Only the mistake itself is told, not what would follow of it."""
    assert len(told(tmp_path, text, broken="receivers: [{name: a, surprise: 1}]\nroute: {receiver: a}\n")) == 1


@pytest.mark.parametrize("broken", ["{smarthost: mail}", "{smarthost: 'mail:25'}", "{from: [a]}"])
def test_a_mail_server_that_is_wrong_is_one_mistake(broken: str, tmp_path: Path) -> None:
    """Not also that people and channels cannot be reached by it."""
    text = f"""\
smtp: {broken}
people: {{ana: {{email: a@example.com}}}}
policies: {{default: {{steps: [{{notify: ["user:ana", "email:b@example.com"]}}]}}}}
"""
    assert [one.partition(": ")[2].partition(":")[0].split(".")[0] for one in told(tmp_path, text)] == ["smtp"]


@pytest.mark.parametrize("broken", ["group_wait: x", "surprise: 1", "group_by: 3", "receiver: null, continue: true"])
@pytest.mark.parametrize("inline", [True, False])
def test_a_root_without_a_receiver_is_told_beside_what_else_is_wrong_with_it(
    broken: str, inline: bool, tmp_path: Path
) -> None:
    """In our own file and in Alertmanager's."""
    given = f"{{route: {{{broken}}}, receivers: [{{name: a}}]}}"
    text = f"alertmanager: {given}\n" if inline else "alertmanager_file: given.yml\n"
    paths = {one.split(": ")[1].removeprefix("alertmanager.") for one in told(tmp_path, text, given=given)}
    assert paths == {"route.receiver", f"route.{broken.rpartition(', ')[2].partition(':')[0]}"}


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("route", ["", "~"])
def test_routes_that_were_left_empty_are_not_the_default_ones(route: str, inline: bool, tmp_path: Path) -> None:
    """Nobody means our own tree by that: it is the mistake that it is in Alertmanager."""
    given = f"receivers: [{{name: a}}]\nroute: {route}\n"
    text = (
        f"alertmanager:\n  {given.replace(chr(10), chr(10) + '  ')}\n" if inline else "alertmanager_file: given.yml\n"
    )
    (one,) = told(tmp_path, text, given=given)
    assert one.endswith(": no routes provided")


def test_who_cannot_be_read_from_a_route_is_used_by_none(tmp_path: Path) -> None:
    """A root whose receiver is no text leads nowhere, so nothing is said of receivers that no route uses."""
    text = "alertmanager: {route: {receiver: [a]}, receivers: [{name: a}]}\n"
    assert told(tmp_path, text, warnings=True) == []


def test_what_contradicts_itself_in_a_checks_client_is_told(tmp_path: Path) -> None:
    """In Prometheus's words, beside mistakes of form; what is wrong by itself is judged no further."""
    text = """\
checks:
  - {name: a, url: 'http://a/', http_config: {bearer_token: x, basic_auth: {password: p, password_file: q}}}
  - {name: b, url: 'http://b/', http_config: {no_proxy: c, tls_config: {ca: a, ca_file: b, cert_file: c}}}
  - {name: c, url: 'http://c/', http_config: {bearer_token: [x], authorization: {credentials: c}, follow_redirects: 5}}
  - {name: d, url: 'http://d/', http_config: {authorization: {type: basic, credentials: c}}}
  - {name: e, url: 'http://e/', http_config: {basic_auth: {username: u, password_file: p}, tls_config: {ca_file: c}}}
"""
    assert sorted(one.partition(": ")[2] for one in told(tmp_path, text)) == [
        "checks[0].http_config.basic_auth: "
        "at most one of basic_auth password, password_file & password_ref must be configured",
        "checks[0].http_config.bearer_token: "
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
        "checks[1].http_config.no_proxy: if no_proxy is configured, proxy_url must also be configured",
        "checks[1].http_config.tls_config.ca_file: at most one of ca, ca_file & ca_ref must be configured",
        "checks[1].http_config.tls_config.cert_file: "
        "exactly one of key or key_file must be configured when a client certificate is configured",
        "checks[2].http_config.bearer_token: a text is wanted here",
        "checks[2].http_config.follow_redirects: true or false is wanted here",
        'checks[3].http_config.authorization: authorization type cannot be set to "basic", use "basic_auth" instead',
    ]


def test_what_a_check_would_not_start_with_is_told_before(tmp_path: Path) -> None:
    """Each at its check, what is wrong in the words of its kind; and nothing that is secret."""
    text = """\
checks:
  - {name: a, url: 'http://a/', ip_version: 5}
  - {name: b, tcp: {address: 'b:1', expect: '('}}
  - {name: c, heartbeat: {period: 0s, grace: 1m}}
  - {name: d, url: 'http://d/', headers: {'a b': c}}
  - {name: e, url: 'http://e/', method: 'GE T'}
  - {name: f, url: 'http://f/', interval: 1s, timeout: 0s}
  - {name: g, url: 'http://g/', http_config: {proxy_url: 'http://p:1', tls_config: {server_name: x}}}
  - {name: h, url: 'http://h/', http_config: {proxy_url: 'https://p:1'}}
  - {name: i, url: 'http://i/', http_config: {proxy_url: 'http://u:s3cret@p:x'}}
  - {name: j, url: 'http://j/', expect: {matches: ['(']}}
"""
    assert [one.partition(":")[2] for one in told(tmp_path, text)] == [
        "2:5: checks[0]: ip_version 5 is not 4 or 6",
        "3:5: checks[1]: error parsing regexp: missing closing ): `(`",
        "4:5: checks[2]: period must be more than nothing and grace not negative",
        "5:5: checks[3]: header name 'a b' is not a token",
        "6:5: checks[4]: method 'GE T' is not a token",
        "7:47: checks[5].timeout: must be longer than nothing",
        "8:5: checks[6]: tls_config.server_name cannot be set together with proxy_url",
        "9:5: checks[7]: proxy_url must be http: the connection to the proxy itself is not encrypted",
        "10:5: checks[8]: proxy_url is no address of an HTTP proxy: write http://host:port",
        "11:33: checks[9].expect: error parsing regexp: missing closing ): `(`",
    ]


def test_spans_and_bounds_that_would_keep_alerts_from_firing_are_refused(tmp_path: Path) -> None:
    """Samples that are forgotten at once, queries that may not take any time: nobody would be paged, and nothing be said."""
    text = """\
queries: {timeout: 0s, lookback_delta: 0s, max_samples: 0}
storage: {retention: 0s, history: 0s}
rules: {query_timeout: 0s}
host: {interval: 0s}
"""
    told_of = told(tmp_path, text)
    assert sorted(one.split(": ")[1] for one in told_of) == [
        "host.interval",
        "queries.lookback_delta",
        "queries.max_samples",
        "queries.timeout",
        "rules.query_timeout",
        "storage.history",
        "storage.retention",
    ]
    assert {one.split(": ")[2] for one in told_of} == {"must be longer than nothing", "is less than 1"}


def test_the_sections_of_an_alertmanager_file_are_judged_apart(tmp_path: Path) -> None:
    """A key that nobody knows in the route hides neither receivers that do not exist nor our own mistakes."""
    given = """\
route:
  receiver: lost
  gruop_by: [a]
receivers:
  - name: a
    webhook_configs: [{url: 'ftp://x'}]
"""
    text = "alertmanager_file: given.yml\npolicies: {p: {steps: [{notify: ['user:nobody']}]}}\n"
    assert [one.rpartition(": ")[0] for one in told(tmp_path, text, given=given)] == [
        "given.yml:3:3: route.gruop_by",
        "given.yml:6:24: receivers[0].webhook_configs[0].url: invalid URL",
        "given.yml:2:3: route.receiver",
        "watchkeeper.yml:2:34: policies.p.steps[0].notify[0]",
    ]


def test_templates_of_our_own_receivers_are_checked(tmp_path: Path) -> None:
    """They must be templates, and call only templates and functions that exist."""
    text = """\
receivers:
  - name: default
    slack_configs:
      - {api_url: 'http://x/', text: '{{ template "nope" . }}{{ template "slack.default.text" . }}'}
      - {api_url: 'http://x/', title: '{{ shout .Status }}', fields: [{title: t, value: '{{ if }}'}]}
"""
    assert told(tmp_path, text) == [
        'watchkeeper.yml:4:32: receivers[0].slack_configs[0].text: template: :1:13: template "nope" not defined',
        'watchkeeper.yml:5:32: receivers[0].slack_configs[1].title: template: :1: function "shout" not defined',
        "watchkeeper.yml:5:82: receivers[0].slack_configs[1].fields[0].value: template: :1: missing value for if",
    ]


def test_what_alertmanager_starts_with_only_warns(tmp_path: Path) -> None:
    """Templates in receivers of its file, and calls in template files: it finds those when it notifies."""
    (tmp_path / "a.tmpl").write_text('{{ define "mine" }}\n {{ template "gone" . }}{{ end }}')
    (tmp_path / "b.tmpl").write_text('{{ define "other" }}\n{{ shout }}{{ end }}')
    given = """\
route: {receiver: a}
templates: ['*.tmpl']
receivers:
  - name: a
    webhook_configs: [{url: 'http://x/', payload: {a: ['{{ template "mine" . }}{{ template "lost" . }}']}}]
"""
    text = "alertmanager_file: given.yml\n"
    assert told(tmp_path, text, given=given) == ['b.tmpl:2:0: : template: b.tmpl:2: function "shout" not defined']
    assert told(tmp_path, text, given=given, warnings=True) == [
        'a.tmpl:2:14: : template "gone" not defined',
        'given.yml:5:42: receivers[0].webhook_configs[0].payload: template: :1:36: template "lost" not defined',
    ]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ntfy.sh/topic", "is no URL of apprise: write SERVICE://..."),
        ("nosuch://s3cret", "names a service that apprise does not know: nosuch: see https"),
        ("slack://s3cret", "is not complete, or is no URL of slack: the shortest form is slack://{token_a}/"),
    ],
)
def test_urls_that_apprise_refuses_are_told_without_what_they_hold(url: str, said: str, tmp_path: Path) -> None:
    """Inline it is a mistake; in a file that is read at each send it is a doubt."""
    (tmp_path / "watchkeeper.yml").write_text(f"receivers: [{{name: default, apprise_configs: [{{url: '{url}'}}]}}]\n")
    with pytest.raises(ConfigError) as caught:
        load(Overrides(config=str(tmp_path / "watchkeeper.yml")), NOTHING_SET, {})
    (finding,) = caught.value.findings
    assert str(finding).startswith(f"{tmp_path}/watchkeeper.yml:1:48: receivers[0].apprise_configs[0].url: {said}")
    assert "s3cret" not in str(finding)
    (tmp_path / "url").write_text(f"{url}\n")
    (tmp_path / "watchkeeper.yml").write_text("receivers: [{name: default, apprise_configs: [{url_file: url}]}]\n")
    (warning,) = load(Overrides(config=str(tmp_path / "watchkeeper.yml")), NOTHING_SET, {}).warnings
    assert f"what url holds {said}" in str(warning)
    assert "s3cret" not in str(warning)


def test_what_is_taken_out_leaves_the_places_of_the_rest() -> None:
    """A key goes alone; where it must be, nothing stands in; an item of a list never goes alone."""
    pruning = Pruning(read("a: {b: 1, c: 2}\nl: [{d: 1}, {e: 2}]\n", "f").tree)
    pruning.take_out(("a", "b"), missing=False)
    pruning.take_out(("l", 0, "x"), missing=True)
    assert repr(pruning.tree) == repr(read("a: {c: 2}\nl: [{d: 1, x: }, {e: 2}]\n", "f").tree)
    pruning.take_out(("l", 0, "x"), missing=True)
    assert repr(pruning.tree) == repr(read("a: {c: 2}\n", "f").tree)
    pruning.take_out(("m",), missing=True)
    pruning.take_out(("m",), missing=True)
    assert pruning.tree is None


@pytest.mark.parametrize(
    ("path", "echo"),
    [
        (("people", "ana", "console"), True),
        (("people", "ana", "console", "x"), True),
        (("people", "ana"), True),
        (("people", "ana", "email"), False),
        (("people",), False),
        ((), False),
    ],
)
def test_only_the_place_and_its_holder_are_echoes(path: tuple[str, ...], echo: bool) -> None:
    """What is said of a neighbour, or of what is further above, is a mistake of its own."""
    assert is_echo(path, [("people", "ana", "console")]) is echo


def test_a_key_that_stands_twice_hides_nothing(tmp_path: Path) -> None:
    """In our own file, in an Alertmanager file and in a rule file; the first of them counts."""
    text = """\
log: {level: loud}
log: {level: info}
alertmanager_file: given.yml
rule_files: [rules.yml]
"""
    rules = "groups: [{name: g, rules: [{alert: A, expr: up, expr: down}, {alert: B, expr: 'sum('}]}]\n"
    given = "route: {receiver: a, receiver: b}\nreceivers: [{name: c}]\n"
    assert told(tmp_path, text, given=given, rules=rules) == [
        'watchkeeper.yml:2:1: log: yaml: line 2: mapping key "log" already defined',
        "watchkeeper.yml:1:7: log.level: is none of the words that are known here",
        'given.yml:1:22: route.receiver: yaml: line 1: mapping key "receiver" already defined',
        'given.yml:1:9: route.receiver: undefined receiver "a" used in route',
        'rules.yml:1:49: groups[0].rules[0].expr: yaml: line 1: mapping key "expr" already defined',
        "rules.yml:1:73: groups[0].rules[1].expr: "
        'group "g", rule 2, "B": could not parse expression: 1:5: parse error: unclosed left parenthesis',
    ]


def test_receivers_that_only_damping_names_are_doubted(tmp_path: Path) -> None:
    """Alerts flap in the groups of routes: where none leads to a receiver, nothing is damped."""
    text = """\
receivers: [{name: default, console_configs: [{}]}, {name: quiet, console_configs: [{}]}]
flapping: [{receivers: [default, quiet]}]
log: {level: loud}
"""
    assert told(tmp_path, text, warnings=True) == [
        'watchkeeper.yml:1:53: receivers[1]: no route and no policy in this file uses the receiver "quiet"',
        'watchkeeper.yml:2:34: flapping[0].receivers[1]: no route leads to "quiet": nothing is damped there',
    ]


def test_a_wrong_value_of_a_prometheus_file_hides_nothing_of_it(tmp_path: Path) -> None:
    """Neither what else is wrong with the same job or step, nor what its rule files hold."""
    theirs = """\
global: {scrape_interval: soon, scrape_timeout: 5s}
rule_files: [rules.yml]
scrape_configs:
- job_name: a
  scrape_timeout: 20s
  honor_labels: perhaps
  scrape_protocols: []
  basic_auth: {username: [], password: a, password_file: b}
  relabel_configs: [{action: hashmod, modulus: x}, {action: labeldrop, target_label: [], regex: "("}]
- {job_name: a, scrape_interval: 10s, scrape_timeout: 20s, fallback_scrape_protocol: x, metrics_path: []}
remote_write: [{remote_timeout: x, basic_auth: {}, bearer_token: b, url: "http://a"}]
"""
    rules = "groups: [{name: g, rules: [{alert: A, expr: 'up +'}]}]\n"
    assert told(tmp_path, "prometheus_file: theirs.yml\n", theirs=theirs, rules=rules) == [
        'theirs.yml:1:10: global.scrape_interval: not a valid duration string: "soon"',
        "theirs.yml:6:3: scrape_configs[0].honor_labels: true or false is wanted here",
        "theirs.yml:8:16: scrape_configs[0].basic_auth.username: a text is wanted here",
        "theirs.yml:9:39: scrape_configs[0].relabel_configs[0].modulus: a whole number is wanted here",
        "theirs.yml:9:72: scrape_configs[0].relabel_configs[1].target_label: a text is wanted here",
        "theirs.yml:9:90: scrape_configs[0].relabel_configs[1].regex: error parsing regexp: missing closing ): `^(?s:()$`",
        "theirs.yml:8:3: scrape_configs[0].basic_auth: at most one of basic_auth password, password_file & password_ref must be configured",
        "theirs.yml:10:89: scrape_configs[1].metrics_path: a text is wanted here",
        'theirs.yml:11:17: remote_write[0].remote_timeout: not a valid duration string: "x"',
        "theirs.yml:11:52: remote_write[0].bearer_token: at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
        'theirs.yml:7:3: scrape_configs[0].scrape_protocols: scrape_protocols cannot be empty for scrape config with job name "a"',
        'theirs.yml:10:39: scrape_configs[1].scrape_timeout: scrape timeout greater than scrape interval for scrape config with job name "a"',
        "theirs.yml:10:60: scrape_configs[1].fallback_scrape_protocol: unknown scrape protocol x",
        'theirs.yml:10:4: scrape_configs[1].job_name: found multiple scrape configs with job name "a"',
        "theirs.yml:9:21: scrape_configs[0].relabel_configs[0]: relabel configuration for hashmod action requires 'target_label' value",
        "theirs.yml:9:52: scrape_configs[0].relabel_configs[1]: labeldrop action requires only 'regex', and no other fields",
        'rules.yml:1:39: groups[0].rules[0].expr: group "g", rule 1, "A": could not parse expression: 1:5: parse error: unexpected end of input',
    ]


def test_a_mistake_of_a_receiver_hides_no_conflict_in_it(tmp_path: Path) -> None:
    """Of the same integration, of what it inherits, and of a receiver without a name."""
    routing = """\
global: {smtp_smarthost: [], victorops_api_url: "http://v/"}
route: {receiver: a}
receivers:
- name: a
  webhook_configs: [{url: "http://a", url_file: b, max_alerts: many}]
  victorops_configs: [{routing_key: r, send_resolved: perhaps}]
  email_configs: [{to: a@b.c, from: a@b.c, tls_config: {insecure_skip_verify: x, cert_file: c}}]
- slack_configs: [{channel: "#a", update_message: x}]
- {name: b, slack_configs: [{api_url: "http://a", api_url_file: b, channle: x}]}
- {name: c, telegram_configs: [{chat_id: x, bot_token: []}]}
"""
    assert told(tmp_path, "alertmanager_file: routing.yml\n", routing=routing) == [
        "routing.yml:1:10: global.smtp_smarthost: a text is wanted here",
        "routing.yml:5:52: receivers[0].webhook_configs[0].max_alerts: a whole number is wanted here",
        "routing.yml:5:39: receivers[0].webhook_configs[0].url_file: at most one of url & url_file must be configured",
        "routing.yml:6:40: receivers[0].victorops_configs[0].send_resolved: true or false is wanted here",
        "routing.yml:7:57: receivers[0].email_configs[0].tls_config.insecure_skip_verify: true or false is wanted here",
        "routing.yml:7:82: receivers[0].email_configs[0].tls_config.cert_file: exactly one of key or key_file must be configured when a client certificate is configured",
        "routing.yml:8:35: receivers[1].slack_configs[0].update_message: true or false is wanted here",
        "routing.yml:8:3: receivers[1]: missing name in receiver",
        'routing.yml:9:68: receivers[2].slack_configs[0].channle: "channle" is not a known key here',
        "routing.yml:9:51: receivers[2].slack_configs[0].api_url_file: at most one of api_url & api_url_file must be configured",
        "routing.yml:10:33: receivers[3].telegram_configs[0].chat_id: a whole number is wanted here",
        "routing.yml:10:45: receivers[3].telegram_configs[0].bot_token: a text is wanted here",
        "routing.yml:6:23: receivers[0].victorops_configs[0]: no global VictorOps API Key set",
        "routing.yml:8:19: receivers[1].slack_configs[0]: no Slack API URL nor App token set either inline or in a file",
    ]


def test_a_prometheus_file_alone_is_judged_likewise(tmp_path: Path) -> None:
    """Also by `check-config` of it, where no file of ours names it."""
    (tmp_path / "prometheus.yml").write_text("global: {scrape_interval: soon}\nrule_files: [rules.yml]\n")
    (tmp_path / "rules.yml").write_text("groups: [{name: g, rules: [{alert: A, expr: 'up +'}]}]\n")
    found = checked_file(str(tmp_path / "prometheus.yml")).findings
    assert [(Path(one.file).name, one.path) for one in found] == [
        ("prometheus.yml", "global.scrape_interval"),
        ("rules.yml", "groups[0].rules[0].expr"),
    ]


def test_a_mistake_in_a_root_hides_no_other_of_it(tmp_path: Path) -> None:
    """What a root must not have is told at its own key."""
    given = "route: {receiver: a, group_wait: -1s, matchers: [a=b], continue: true}\nreceivers: [{name: a}]\n"
    assert told(tmp_path, "alertmanager_file: given.yml\n", given=given) == [
        'given.yml:1:22: route.group_wait: not a valid duration string: "-1s"',
        "given.yml:1:39: route.matchers: root route must not have any matchers",
        "given.yml:1:56: route.continue: cannot have continue in root route",
    ]


def test_texts_are_looked_at_whatever_else_is_wrong(tmp_path: Path) -> None:
    """In an integration that lacks what is wrong in `global`, in one that has a mistake, in a receiver whose name comes
    again, each at its own place."""
    given = """\
global: {slack_api_url: '::::'}
route: {receiver: a}
receivers:
  - name: a
    slack_configs:
      - {surprise: 1, text: '{{ one . }}'}
      - {text: '{{ two . }}', fields: [{title: t, value: '{{ three . }}'}]}
  - name: a
    slack_configs: [{text: '{{ four . }}'}]
"""
    text = "alertmanager_file: given.yml\n"
    assert told(tmp_path, text, warnings=True, given=given) == [
        'given.yml:6:23: receivers[0].slack_configs[0].text: template: :1: function "one" not defined',
        'given.yml:7:10: receivers[0].slack_configs[1].text: template: :1: function "two" not defined',
        'given.yml:7:51: receivers[0].slack_configs[1].fields[0].value: template: :1: function "three" not defined',
        'given.yml:9:22: receivers[1].slack_configs[0].text: template: :1: function "four" not defined',
    ]


@pytest.mark.parametrize(
    ("client", "said"),
    [
        (
            "bearer_token: x, basic_auth: {password: b, password_file: c}",
            [
                "bearer_token: at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
                "basic_auth: at most one of basic_auth password, password_file & password_ref must be configured",
            ],
        ),
        (
            "oauth2: {}, bearer_token: x",
            [
                "bearer_token: at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
                "oauth2: oauth2 client_id must be configured",
                "oauth2: oauth2 token_url must be configured",
            ],
        ),
        ("basic_auth: hunter2", ["basic_auth: is not a mapping"]),
        ("authorization: hunter2", ["authorization: is not a mapping"]),
        ("oauth2: hunter2", ["oauth2: is not a mapping"]),
    ],
)
def test_of_credentials_every_mistake_is_told_and_none_is_made_up(client: str, said: list[str], tmp_path: Path) -> None:
    """What is no mapping has none of its keys, so they are not in each other's way."""
    text = f"scrape_configs: [{{job_name: a, static_configs: [{{targets: ['x:1']}}], {client}}}]\n"
    assert [one.partition("scrape_configs[0].")[2] for one in told(tmp_path, text)] == said


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (
            'url: "htp://x", interval: 0s',
            [
                '1:20: checks[0].url: "htp://x" is not an HTTP address: write http://host:port/path',
                "1:36: checks[0].interval: must be longer than nothing",
            ],
        ),
        ('url: "http://x", interval: 0s', ["1:37: checks[0].interval: must be longer than nothing"]),
        ('url: "http://x", interval: 1s', ["1:10: checks[0].timeout: the timeout is longer than the interval"]),
    ],
)
def test_the_address_of_a_check_hides_not_its_interval(check: str, said: list[str], tmp_path: Path) -> None:
    """And what is no interval is not blamed on the timeout."""
    found = told(tmp_path, f"checks: [{{name: s, {check}}}]\n")
    assert [one.partition(":")[2] for one in found] == said


def test_a_policy_that_pages_nobody_is_refused(tmp_path: Path) -> None:
    """A step without targets where nobody else is paged."""
    text = "policies: {default: {steps: [{notify: []}, {notify: [], after: 1m}]}}\n"
    assert told(tmp_path, text) == [
        "watchkeeper.yml:1:31: policies.default.steps[0].notify: is empty: this policy pages nobody",
        "watchkeeper.yml:1:45: policies.default.steps[1].notify: is empty: this policy pages nobody",
    ]


@pytest.mark.parametrize(
    "policy", ["steps: [{notify: []}, {notify: ['console:']}]", "steps: [{notify: []}], fallback: ['console:']"]
)
def test_a_step_that_pages_nobody_is_doubted(policy: str, tmp_path: Path) -> None:
    """Somebody is paged, but not where somebody may believe it."""
    file = tmp_path / "watchkeeper.yml"
    file.write_text(f"policies: {{default: {{{policy}}}}}\n", encoding="utf-8")
    (warning,) = load(Overrides(config=str(file)), NOTHING_SET, {}).warnings
    assert warning.problem == "is empty: this step pages nobody"


@pytest.mark.parametrize("pattern", ["a[.yml", "a[]b].yml", "a[^].yml", "a[b-].yml", "a\\\\"])
def test_patterns_that_go_cannot_read_are_refused(pattern: str, tmp_path: Path) -> None:
    """Where they stand, and without a word that no file matches."""
    told_of = checked_file(write(tmp_path / "prometheus.yml", f'rule_files: ["{pattern}"]\n'))
    assert [(one.line, one.path, one.original) for one in told_of.findings] == [
        (1, "rule_files[0]", "syntax error in pattern")
    ]


@pytest.mark.parametrize("pattern", ["a[a-z].yml", "a[^b].yml", "a\\\\[.yml", "a[b\\\\]].yml", "a?.yml", "a].yml"])
def test_patterns_that_go_reads_are_taken(pattern: str, tmp_path: Path) -> None:
    """Brackets that are closed, or escaped."""
    told_of = checked_file(write(tmp_path / "watchkeeper.yml", f'rule_files: ["{pattern}"]\nchecks: []\n'))
    assert not told_of.errors


def test_rule_files_that_are_not_there_are_told_of_the_file_that_names_them(tmp_path: Path) -> None:
    """With its line, and not our own file's first one."""
    write(tmp_path / "prometheus.yml", "global: {}\nrule_files:\n  - a*.yml\n  - b.yml\n")
    found = checked_file(write(tmp_path / "watchkeeper.yml", "prometheus_file: prometheus.yml\n")).warnings
    assert [(Path(one.file).name, one.line, one.path) for one in found] == [
        ("prometheus.yml", 3, "rule_files[0]"),
        ("prometheus.yml", 4, "rule_files[1]"),
    ]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("groups: [{name: g, rules: [{alert: A, expr: up, forr: 1m}]}]", 'did you mean "for"? known keys: alert, '),
        ("groups: [{name: g, rules: [{alert: A, expr: up, for: 5}]}]", "write a number with its unit, such as 5s"),
        ("groups: [{name: g, interval: soon}]", "write a number with its unit, such as 30s or 1h30m"),
        ("people: {ana: {webhook: {url: 'http://x/'}}}", "write the URL alone: `webhook: https://host/path`"),
        ("scrape_configs: [{job_name: a, relabel_configs: [{action: dropp}]}]", "one of: drop, dropequal, "),
        ("scrape_configs: [{job_name: a, scrape_intervall: 1m}]", 'did you mean "scrape_interval"?'),
        ("scrape_configs: [{job_name: a, zzz: 1m}]", "remove it"),
        ("modules: {http: {prober: http}}", "run blackbox_exporter beside it and scrape that as before, or "),
    ],
)
def test_remedies_say_what_to_write(text: str, remedy: str, tmp_path: Path) -> None:
    """The nearest word, the words that are known, or an example; never a list that nobody reads."""
    (finding,) = checked_file(write(tmp_path / "some.yml", f"{text}\n")).errors
    assert finding.remedy.startswith(remedy)
    assert len(finding.remedy) < 200


def write(file: Path, text: str) -> str:
    """Its name."""
    file.write_text(text, encoding="utf-8")
    return str(file)


def findings_of(folder: Path, text: str, **files: str) -> dict[str, str]:
    """By path what is to be done about each mistake; a path that is told twice fails."""
    for name, content in {**files, "watchkeeper": text}.items():
        write(folder / f"{name}.yml", content)
    with pytest.raises(ConfigError) as caught:
        load(Overrides(config=str(folder / "watchkeeper.yml")), NOTHING_SET, {})
    errors = [one for one in caught.value.findings if not one.warning]
    assert len({(one.path, one.problem) for one in errors}) == len(errors)
    return {one.path: one.remedy for one in errors}


def test_receivers_that_are_offered_stand_in_the_files(tmp_path: Path) -> None:
    """Not those of the built-in tree while Alertmanager's file has mistakes; and none of a file that nobody can read."""
    text = "alertmanager_file: am.yml\nescalate: {pager: default}\n"
    bad = "route: {receiver: chat}\nreceivers: [{name: chat, webhook_configs: [{}]}]\n"
    assert findings_of(tmp_path, text, am=bad)["escalate.pager"] == "defined receivers: chat"
    assert "escalate.pager" not in findings_of(tmp_path, text, am="route: [")


@pytest.mark.parametrize(
    ("people", "remedy"),
    [("", "add zed under people:"), ("people: {ana: {console: true}}\n", "add zed under people:, or use one of ana")],
)
def test_whoever_is_missing_is_to_be_added(tmp_path: Path, people: str, remedy: str) -> None:
    """Or one of those taken that there are."""
    text = people + "policies: {p: {steps: [{notify: ['user:zed']}]}}\n"
    assert findings_of(tmp_path, text)["policies.p.steps[0].notify[0]"] == remedy


def test_an_unknown_relabel_action_is_told_once(tmp_path: Path) -> None:
    """Beside a mistake in its regular expression as well; what the rest must be depends on it."""
    jobs = "scrape_configs: [{job_name: a, metric_relabel_configs: [{regex: '(', action: dropp}]}]\n"
    found = findings_of(tmp_path, "prometheus_file: prometheus.yml\n", prometheus=jobs)
    step = "scrape_configs[0].metric_relabel_configs[0]"
    assert set(found) == {f"{step}.regex", f"{step}.action"}
