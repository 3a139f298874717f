"""From files to a configuration, or to every mistake at once."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from monitor.alerts.maintenance import Once
from monitor.alerts.muting import MutingRules
from monitor.calendar.intervals import TimeInterval
from monitor.config.environment import Environment
from monitor.config.loading import Configuration, Overrides, load
from monitor.matching.parse import parse_matchers
from monitor.model.errors import ConfigError
from monitor.model.labels import Labels
from monitor.model.notifications import Destination
from monitor.model.times import HOUR, MINUTE, SECOND
from monitor.notify.kinds.console import ConsoleOptions
from monitor.notify.kinds.pagerduty import PagerDutyOptions
from monitor.notify.kinds.slack import SlackOptions
from monitor.probe.kinds.heartbeat import HeartbeatOptions
from monitor.probe.kinds.http import HttpOptions
from monitor.promql.features import Features
from monitor.scrape.kinds.dns_targets import DnsTargets
from monitor.scrape.kinds.file_targets import FileTargets

NOTHING_SET = Environment(_env_file=None)  # pyright: ignore[reportCallIssue]


def loaded(folder: Path, text: str, *, variables: dict[str, str] | None = None, **files: str) -> Configuration:
    """The configuration of this text, beside files named by keyword (`_` stands for `.`)."""
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content, encoding="utf-8")
    path = folder / "watchkeeper.yml"
    path.write_text(text, encoding="utf-8")
    return load(Overrides(config=str(path)), NOTHING_SET, variables or {})


def mistakes(folder: Path, text: str, **files: str) -> list[str]:
    """What is wrong, without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, variables={}, **files)
    return [str(finding).removeprefix(f"{folder}/watchkeeper.yml:") for finding in caught.value.findings]


def test_nothing_at_all_is_a_configuration() -> None:
    """Without file and settings: no checks, shipped rules, everything to the console, loopback only."""
    configuration = load(Overrides(urls=("http://localhost:8000/health",)), NOTHING_SET, {})
    assert [(check.name, check.kind) for check in configuration.checks] == [("localhost:8000/health", "http")]
    assert any(group.file == "shipped/critical.yml" for group in configuration.groups)
    assert configuration.listen.is_loopback
    book = configuration.paging.book
    assert book.options(Destination("default", "console")) == ConsoleOptions()


def test_ten_lines_watch_a_service_and_page_a_person(tmp_path: Path) -> None:
    """The example of the README means what it says."""
    configuration = loaded(
        tmp_path,
        """
environment: production
checks:
  - {name: shop-api, url: "https://shop.example.com/healthz", labels: {team: payments},
     expect: {status: 200, body: {database: connected}}}
  - {name: nightly-backup, heartbeat: {period: 1d, grace: 1h}}
people: {ana: {pagerduty_routing_key_file: key, console: yes}}
policies: {default: {steps: [{notify: [user:ana]}, {after: 5m, notify: [user:ana]}], repeat: 3}}
""",
    )
    api, backup = configuration.checks
    assert api.labels == Labels({"team": "payments"})
    assert api.expect.body == {"database": "connected"}
    assert isinstance(api.options, HttpOptions)
    assert backup.options == HeartbeatOptions(period=24 * 60 * MINUTE, grace=60 * MINUTE)
    assert configuration.leaving.labels == Labels({"environment": "production"})
    options = configuration.paging.book.options(Destination("user:ana", "pagerduty"))
    assert isinstance(options, PagerDutyOptions)
    assert options.routing_key.path == str(tmp_path / "key")


def test_all_mistakes_of_all_sections_are_told_at_once(tmp_path: Path) -> None:
    """Structure and meaning, each with line, path, problem and remedy."""
    found = mistakes(
        tmp_path,
        """checks:
  - {name: a, url: "http://a/", interval: 5x}
  - {name: b}
  - {name: c, ulr: "http://c/"}
  - {name: d, url: "ftp://d/"}
  - {name: d, url: "http://d/", expect: {matches: "(("}}
web: {listen: nowhere}
people: {bo: {slack: U1}}
policies: {p: {steps: [{notify: [user:nobody, pigeon:x]}]}}
""",
    )
    assert found[0] == (
        '2:33: checks[0].interval: not a valid duration string: "5x": write a number with its unit, such as 30s or 1h30m'
    )
    assert '4:15: checks[2].ulr: "ulr" is not a known key here: did you mean "url"?' in found[1]
    rest = "\n".join(found[2:])
    assert "3:5: checks[1]: does not say what to check: give exactly one of url, tcp, tls, heartbeat" in rest
    assert '5:15: checks[3].url: "ftp://d/" is not an HTTP address' in rest
    assert '6:6: checks[4].name: another check is named "d"' in rest
    assert "6:33: checks[4].expect" in rest
    assert '7:7: web.listen: "nowhere" is not an address to listen at: write host:port or :port' in rest
    assert "8:10: people.bo: bo cannot be reached by slack: set slack.bot_token" in rest
    assert '9:34: policies.p.steps[0].notify[0]: "user:nobody" is not defined' in rest
    assert '9:47: policies.p.steps[0].notify[1]: "pigeon:x" names no target' in rest


def test_variables_are_replaced_and_missing_ones_named(tmp_path: Path) -> None:
    """`${VAR}` and `${VAR:-default}`; `$$` is a dollar."""
    text = "checks: [{name: '${NAME}', url: 'http://${HOST:-localhost}/a$$b'}]\n"
    (check,) = loaded(tmp_path, text, variables={"NAME": "api"}).checks
    assert (check.name, check.target) == ("api", "http://localhost/a$b")
    assert mistakes(tmp_path, text) == [
        "1:11: checks[0].name: the environment variable NAME is not set: set it, or write ${NAME:-default}"
    ]


def test_a_missing_variable_hides_no_other_mistake(tmp_path: Path) -> None:
    """And what comes of it alone is not told beside it."""
    assert mistakes(tmp_path, "checks:\n- {name: a, url: '${URL}'}\n- {name: b, url: 'http://b/', interval: 30}\n") == [
        "2:13: checks[0].url: the environment variable URL is not set: set it, or write ${URL:-default}",
        '3:31: checks[1].interval: not a valid duration string: "30": write a number with its unit, such as 30s',
    ]


def test_files_of_secrets_that_cannot_be_read_are_doubted(tmp_path: Path) -> None:
    """Wherever one is named, also beside another program's file; they may still come, so nothing is refused."""
    (tmp_path / "mon").mkdir()
    (tmp_path / "mon" / "here").write_text("s3cret")
    (tmp_path / "mon" / "prometheus.yml").write_text(
        "scrape_configs:\n- {job_name: a, bearer_token_file: here}\n- {job_name: b, tls_config: {ca_file: ca.pem}}\n"
    )
    text = "prometheus_file: mon/prometheus.yml\npeople: {ana: {pagerduty_routing_key_file: mon, console: yes}}\n"
    warnings = [
        f"{Path(one.file).name}:{one.line}: {one.path}: {one.problem}" for one in loaded(tmp_path, text).warnings
    ]
    assert warnings == [
        "watchkeeper.yml:2: people.ana.pagerduty_routing_key_file: mon cannot be read: it is a folder",
        "prometheus.yml:3: scrape_configs[1].tls_config.ca_file: ca.pem cannot be read: No such file or directory",
    ]


def test_mechanisms_of_discovery_are_checked(tmp_path: Path) -> None:
    """In Prometheus's words; files are whole paths beside the document that names them."""
    job = "scrape_configs: [{job_name: a, %s}]\n"
    assert [
        mistake.partition("]: ")[2] or mistake
        for text in (
            "file_sd_configs: [{files: []}, {files: [a.txt, 'x*/b.json']}]",
            "http_sd_configs: [{url: 'ftp://x/'}, {url: 'http://'}]",
            "dns_sd_configs: [{names: []}, {names: [a], type: TXT}, {names: [a], type: A}]",
        )
        for mistake in mistakes(tmp_path, job % text)
    ] == [
        "1:51: scrape_configs[0].file_sd_configs[0].files: "
        "file service discovery config must contain at least one path name: set files",
        'path name "a.txt" is not valid for file discovery: '
        "it ends in .json, .yml or .yaml, and only its last part may hold one *",
        'path name "x*/b.json" is not valid for file discovery: '
        "it ends in .json, .yml or .yaml, and only its last part may hold one *",
        "1:51: scrape_configs[0].http_sd_configs[0].url: URL scheme must be 'http' or 'https': write http://host/path",
        "1:70: scrape_configs[0].http_sd_configs[1].url: host is missing in URL: write http://host/path",
        "1:50: scrape_configs[0].dns_sd_configs[0].names: "
        "DNS-SD config must contain at least one SRV record name: set names",
        "1:75: scrape_configs[0].dns_sd_configs[1].type: invalid DNS-SD records type TXT: SRV, A, AAAA, MX or NS",
        "a port is required in DNS-SD configs for all record types except SRV: set port",
    ]
    text = job % "file_sd_configs: [{files: [t/*.json]}], dns_sd_configs: [{names: [a], type: a, port: 9}]"
    (made,) = loaded(tmp_path, text).jobs
    assert made.discover == (
        FileTargets(files=(str(tmp_path / "t/*.json"),)),
        DnsTargets(names=("a",), type="A", port=9),
    )


def test_an_address_to_scrape_is_no_url_unless_it_is_relabelled(tmp_path: Path) -> None:
    """The remedy names the keys that the parts of the URL belong to."""
    job = "{job_name: a, static_configs: [{targets: ['http://b:1/metrics', 'https://c:2/own']}]%s}"
    assert mistakes(tmp_path, f"scrape_configs: [{job % ''}]\n") == [
        '1:60: scrape_configs[0].static_configs[0].targets[0]: "http://b:1/metrics" is not a valid hostname: write b:1',
        '1:82: scrape_configs[0].static_configs[0].targets[1]: "https://c:2/own" is not a valid hostname: '
        "write c:2 and scheme: https and metrics_path: /own",
    ]
    relabel = ", relabel_configs: [{target_label: __address__, replacement: 'd:3'}]"
    (made,) = loaded(tmp_path, f"scrape_configs: [{job % relabel}]\n").jobs
    assert made.groups[0].addresses == ("http://b:1/metrics", "https://c:2/own")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """Settings of a container override the file; a foreign DATABASE_URL only warns."""
    path = tmp_path / "watchkeeper.yml"
    path.write_text("environment: staging\nweb: {listen: '127.0.0.1:1'}\n", encoding="utf-8")
    environment = NOTHING_SET.model_copy(
        update={
            "environment": "production",
            "listen": ":9999",
            "data": str(tmp_path / "d"),
            "database_url": "postgresql://db/app",
            "admin_token": SecretStr("s" * 20),
        }
    )
    configuration = load(Overrides(config=str(path)), environment, {})
    assert configuration.environment == "production"
    assert (configuration.listen.port, configuration.listen.is_loopback) == (9999, False)
    assert configuration.storage.folder == tmp_path / "d"
    assert [token.role for token in configuration.listen.tokens] == ["admin"]
    assert any("only SQLite is served yet" in finding.problem for finding in configuration.warnings)


def test_the_default_tree_pages_criticals_and_only_in_the_environments_that_page(tmp_path: Path) -> None:
    """Critical: policy `default`, no waiting; the rest: receiver `default` after half a minute."""
    critical = {"alertname": "Down", "severity": "critical"}
    for environment, receiver, wait in (
        ("production", "page", 0),
        ("", "page", 0),
        ("staging", "default", 30 * SECOND),
    ):
        root = loaded(tmp_path, f"environment: '{environment}'\n").paging.root
        (route,) = root.match(critical)
        assert (route.receiver, route.group_wait) == (receiver, wait)
        (other,) = root.match({"alertname": "Slow", "severity": "warning"})
        assert (other.receiver, other.group_wait) == ("default", 30 * SECOND)


def test_an_alertmanager_file_is_read_as_it_is(tmp_path: Path) -> None:
    """Inheritance, keys and ids of the tree; receivers with their options; unserved sections warn by name."""
    configuration = loaded(
        tmp_path,
        "alertmanager_file: am.yml\nescalate: {page: pay}\npolicies: {pay: {steps: [{notify: ['receiver:page']}]}}\n",
        am_yml="""
global: {slack_api_url: "https://hooks.example.com/x", resolve_timeout: 10m}
route:
  receiver: team
  group_by: [alertname]
  routes:
    - {match_re: {owner: "a|b"}, matchers: ['severity="critical"'], receiver: page, group_wait: 5s, continue: true}
    - {matchers: ["x=y"], group_by: ['...']}
receivers:
  - {name: team, slack_configs: [{channel: "#t", title: "{{ .Status }}"}]}
  - {name: page, pagerduty_configs: [{routing_key: k}], webhook_configs: [{url: "http://hook/"}]}
inhibit_rules: [{source_matchers: ["a=b"]}]
tracing: {endpoint: "localhost:4317"}
""",
    )
    first, second = configuration.paging.root.children
    assert first.key == '{}/{owner=~"^(?:a|b)$",severity="critical"}'
    assert (first.group_by, first.group_wait, first.continue_) == (frozenset({"alertname"}), 5 * SECOND, True)
    assert second.id == '{}/{x="y"}/1'
    assert second.group_by_all
    page = configuration.paging.receivers["page"]
    assert page.policy == "pay"
    assert [one.destination.integration for one in page.integrations] == ["webhook"]
    slack = configuration.paging.book.options(Destination("team", "slack"))
    assert isinstance(slack, SlackOptions)
    assert slack.webhook_url.read() == "https://hooks.example.com/x"
    warned = "\n".join(str(finding) for finding in configuration.warnings)
    assert "tracing" in warned
    assert configuration.paging.templates.fields[Destination("team", "slack")]["title"].source == "{{ .Status }}"
    assert configuration.paging.muting.inhibit_rules[0].sources == parse_matchers("a=b")


def test_slacks_address_holds_for_every_token(tmp_path: Path) -> None:
    """Of people, of channels in steps, and of receivers in an Alertmanager configuration."""
    configuration = loaded(
        tmp_path,
        "slack: {bot_token: t, api_url: 'https://slack.example.com/api/'}\npeople: {ana: {slack: U1}}\n"
        "alertmanager: {route: {receiver: a}, receivers: [{name: a, slack_configs: [{bot_token: x, channel: c}]}]}\n",
    )
    for receiver in ("user:ana", "a", "slack:#ops"):
        options = configuration.paging.book.options(Destination(receiver, "slack"))
        assert isinstance(options, SlackOptions)
        assert options.base_url == "https://slack.example.com/api/"


def test_an_address_for_tokens_in_alertmanagers_file_goes_before_that_of_the_house(tmp_path: Path) -> None:
    """A receiver's own, and the one of `slack_app_url`."""
    configuration = loaded(
        tmp_path,
        "slack: {bot_token: t, api_url: 'https://slack.example.com/api/'}\n"
        "alertmanager:\n"
        "  global: {slack_app_url: 'https://all.example.com/api/chat.postMessage'}\n"
        "  route: {receiver: a}\n"
        "  receivers:\n"
        "  - name: a\n"
        "    slack_configs:\n"
        "    - {app_token: x, channel: c}\n"
        "    - {app_token: x, channel: c, app_url: 'https://own.example.com/api/chat.postMessage'}\n",
    )
    found = [configuration.paging.book.options(Destination("a", "slack", place)) for place in range(2)]
    addresses = [one.base_url for one in found if isinstance(one, SlackOptions)]
    assert addresses == ["https://all.example.com/api/", "https://own.example.com/api/"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("receivers: [{name: a}]", "no routes provided"),
        ("route: {group_by: [a]}\nreceivers: [{name: a}]", "root route must specify a default receiver"),
        ("route: {receiver: b}\nreceivers: [{name: a}]", 'undefined receiver "b" used in route'),
        ("route: {receiver: a, continue: true}\nreceivers: [{name: a}]", "cannot have continue in root route"),
        ("route: {receiver: a, matchers: [x=y]}\nreceivers: [{name: a}]", "root route must not have any matchers"),
        ("route: {receiver: a, group_by: [x, x]}\nreceivers: [{name: a}]", 'duplicated label "x" in group_by'),
        ("route: {receiver: a, group_interval: 0s}\nreceivers: [{name: a}]", "group_interval cannot be zero"),
        (
            "route: {receiver: a, routes: [{active_time_intervals: [x]}]}\nreceivers: [{name: a}]",
            'undefined time interval "x" used in route',
        ),
        (
            "route: {receiver: a, mute_time_intervals: [x]}\nreceivers: [{name: a}]\ntime_intervals: [{name: x}]",
            "root route must not have any mute time intervals",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals: [{name: x}, {name: x}]",
            'time interval "x" is not unique',
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\n"
            "time_intervals: [{name: x, time_intervals: [{weekdays: ['friday:monday']}]}]",
            "start day cannot be before end day",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{source_match: {a-b: x}}]",
            'invalid label name "a-b"',
        ),
        ("route: {receiver: a, group_by: ['']}\nreceivers: [{name: a}]", 'invalid label name "" in group_by list'),
        ("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]", 'notification config name "a" is not unique'),
        (
            "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', url_file: y}]}]",
            "at most one of url & url_file must be configured",
        ),
    ],
)
def test_alertmanagers_own_texts_are_kept(tmp_path: Path, text: str, message: str) -> None:
    """Whoever searches for the text finds the same help."""
    found = mistakes(tmp_path, "alertmanager_file: am.yml\n", am_yml=text)
    assert any(message in line for line in found), found


def test_what_mutes_by_configuration_is_served(tmp_path: Path) -> None:
    """It reaches the daemon from the child that reads, without a warning; matchers that will mean something else do warn."""
    configuration = loaded(
        tmp_path,
        "alertmanager_file: am.yml\n",
        am_yml="""
route: {receiver: a, routes: [{mute_time_intervals: [night, old], matchers: ['x="\\y"'], labels: {}}]}
receivers: [{name: a}]
inhibit_rules: [{name: worse, source_match: {sev: crit}, target_match_re: {sev: "warn|info"}, equal: [host]}]
time_intervals: [{name: night, time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]}]}]
mute_time_intervals: [{name: old, time_intervals: [{months: [may], location: Europe/Berlin}]}]
""",
    )
    muting: MutingRules = pickle.loads(pickle.dumps(configuration.paging.muting))
    (rule,) = muting.inhibit_rules
    assert (rule.name, rule.sources, rule.equal) == ("worse", parse_matchers("sev=crit"), ("host",))
    assert rule.targets[0].value == "^(?:warn|info)$"
    assert muting.intervals["night"] == (TimeInterval(times=((1320, 1440),)),)
    assert muting.intervals["old"] == (TimeInterval(months=((5, 5),), location="Europe/Berlin"),)
    assert configuration.paging.as_alertmanager
    assert [finding.path for finding in configuration.warnings] == ["route.routes[0].matchers[0]"]


def test_maintenance_is_once_or_again_and_never_everything(tmp_path: Path) -> None:
    """What never comes, ends before it begins, has half its times or concerns all alerts is refused."""
    text = """
maintenance:
  - {name: move, matchers: [host=x], starts_at: "2026-01-31T22:00:00+01:00", ends_at: "2026-02-01T00:00:00+01:00"}
  - {matchers: [host=y], time_intervals: [{weekdays: [sunday]}]}
"""
    once, again = loaded(tmp_path, text).paging.muting.maintenance
    assert (once.name, again.name) == ("move", "maintenance[1]")
    assert once.spans == (Once(1769893200000, 1769900400000),)
    assert again.spans == (TimeInterval(weekdays=((0, 0),)),)
    for wrong, message in (
        ("{matchers: [a=b]}", "never comes"),
        ("{matchers: [a=b], starts_at: 2026-01-31T22:00:00Z}", "needs starts_at and ends_at"),
        ("{matchers: [a=b], starts_at: 2026-01-31T22:00:00Z, ends_at: 2026-01-31T21:00:00Z}", "ends before it begins"),
        ("{time_intervals: [{weekdays: [sunday]}]}", "concerns every alert"),
    ):
        found = mistakes(tmp_path, f"maintenance: [{wrong}]\n")
        assert any(message in line for line in found), found


def test_a_prometheus_file_gives_jobs_rules_and_external_labels(tmp_path: Path) -> None:
    """Defaults are inherited, rule files are relative to it, discovery that is not served warns."""
    configuration = loaded(
        tmp_path,
        "prometheus_file: prom.yml\nrules: {shipped: false}\n",
        prom_yml="""
global: {scrape_interval: 20s, scrape_timeout: 5s, evaluation_interval: 30s, external_labels: {cluster: eu}}
rule_files: ["*.rules"]
scrape_configs:
  - {job_name: shop, static_configs: [{targets: ["shop:80"], labels: {a: b}}], consul_sd_configs: [{server: x}]}
  - {job_name: fast, scrape_interval: 1s, static_configs: [{targets: ["x:1"]}]}
alerting:
  alert_relabel_configs: [{regex: replica, action: labeldrop}]
  alertmanagers: [{static_configs: [{targets: ["a:9093"]}]}]
""",
        shop_rules="groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 017s, labels: {severity: page}}]}]",
    )
    shop, fast = configuration.jobs
    assert (shop.interval, shop.timeout) == (20 * SECOND, 5 * SECOND)
    assert (fast.interval, fast.timeout) == (SECOND, SECOND)
    (group,) = configuration.groups
    assert (group.name, group.interval) == ("g", 30 * SECOND)
    assert configuration.leaving.labels == Labels({"cluster": "eu"})
    warned = "\n".join(str(finding) for finding in configuration.warnings)
    assert "consul_sd_configs" in warned
    assert "alerting.alertmanagers: is known but not served" in warned
    assert configuration.leaves_as(Labels({"a": "b", "replica": "1"})) == Labels({"a": "b", "cluster": "eu"})


@pytest.mark.parametrize(
    ("own", "prometheus", "window"),
    [("", "", 0), ("", "30m", 30 * MINUTE), ("10m", "30m", 10 * MINUTE), ("0s", "30m", 0), ("1h", "", HOUR)],
)
def test_the_window_for_late_samples_is_ours_or_the_prometheus_files(
    tmp_path: Path, own: str, prometheus: str, window: int
) -> None:
    """Ours counts where it is set, 0 included; the sections of theirs that we do not serve are still named."""
    text = "prometheus_file: prom.yml\n" + (f"storage: {{out_of_order_time_window: {own}}}\n" if own else "")
    tsdb = f"out_of_order_time_window: {prometheus}, " if prometheus else ""
    configuration = loaded(
        tmp_path,
        text,
        prom_yml=f"storage: {{tsdb: {{{tsdb}retention: {{time: 3d}}}}, exemplars: {{max_exemplars: 5}}}}\n",
    )
    assert configuration.storage.out_of_order_time_window == window
    warned = [one.path for one in configuration.warnings if "not served yet" in one.problem]
    assert warned == ["storage.tsdb.retention", "storage.exemplars"]


def test_a_mistake_in_a_rule_file_has_its_own_place_and_prometheus_own_words(tmp_path: Path) -> None:
    """The expression's position is told inside the line of the file."""
    with pytest.raises(ConfigError) as caught:
        loaded(
            tmp_path,
            "rule_files: [bad.yml]\n",
            bad_yml="groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: sum(\n",
        )
    (finding,) = caught.value.findings
    assert (finding.file, finding.line) == (str(tmp_path / "bad.yml"), 5)
    assert 'group "g", rule 1, "A": could not parse expression: 1:5: parse error' in finding.problem


_LIMITED = "groups: [{name: g, rules: [{record: few, expr: 'limitk(1, up)'}]}]"


def test_parts_of_promql_behind_flags_are_allowed_by_prometheus_names(tmp_path: Path) -> None:
    """In rule files too; the default step of subqueries is the evaluation interval."""
    text = (
        "rule_files: [rules.yml]\nglobal: {evaluation_interval: 30s}\nqueries: {lookback_delta: 3m, "
        "enable_features: [promql-experimental-functions, promql-delayed-name-removal, promql-duration-expr]}"
    )
    queries = loaded(tmp_path, text, rules_yml=_LIMITED).queries
    assert queries.features == Features(experimental_functions=True)
    assert (queries.delayed_names, queries.lookback, queries.subquery_step) == (True, 3 * MINUTE, 30 * SECOND)
    assert "must be enabled" in str(mistakes(tmp_path, "rule_files: [rules.yml]", rules_yml=_LIMITED))
    assert not queries.start_timestamps
    assert loaded(tmp_path, "queries: {enable_features: [use-start-timestamps]}").queries.start_timestamps
    unknown = mistakes(tmp_path, "queries: {enable_features: [warp-drive]}")
    assert "warp-drive is not a feature of PromQL" in str(unknown)


def test_secrets_do_not_show(tmp_path: Path) -> None:
    """Nobody who prints a configuration prints a key."""
    configuration = loaded(
        tmp_path,
        "people: {ana: {pagerduty_routing_key: topsecretkey}}\nweb: {tokens: {ci: {token: topsecrettoken123}}}\n",
    )
    shown = f"{configuration.paging.book.options(Destination('user:ana', 'pagerduty'))} {configuration.listen}"
    assert "topsecret" not in shown


@pytest.mark.parametrize(
    ("text", "trusts"),
    [
        ("checks: []", True),
        ("external_url: http://127.0.0.1:9797", True),
        ("external_url: http://localhost:8080/watch", True),
        ("external_url: https://watch.example.com", False),
        ("web: {tokens: {ana: {token: ana-secret-0123456789}}}", False),
        ("{external_url: https://watch.example.com, web: {trust_local: true}}", True),
        ("web: {trust_local: true, tokens: {ana: {token: ana-secret-0123456789}}}", True),
        ("web: {trust_local: false}", False),
    ],
)
def test_callers_on_the_machine_are_administrators_only_where_nobody_else_looks_like_them(
    tmp_path: Path, text: str, trusts: bool
) -> None:
    """Tokens or a foreign address speak of a reverse proxy; who says otherwise is believed."""
    assert loaded(tmp_path, text).listen.trust_local is trusts


def test_what_would_page_nobody_is_doubted(tmp_path: Path) -> None:
    """An environment that does not page, receivers and policies that nothing uses."""
    configuration = loaded(
        tmp_path,
        "environment: prd\npeople: {ana: {console: yes}}\nreceivers: [{name: defalt, console_configs: [{}]}]\n"
        "policies: {default: {steps: [{notify: [user:ana]}]}, unused: {steps: [{notify: [user:ana]}]}}\n",
    )
    doubts = "\n".join(str(finding) for finding in configuration.warnings)
    assert '"prd" is not one of page_environments: nobody is paged' in doubts
    assert 'no route and no policy in this file uses the receiver "defalt"' in doubts
    assert "policies.unused: no receiver that a route uses escalates to it" in doubts


def test_a_step_that_names_a_channel_needs_its_vendor(tmp_path: Path) -> None:
    """Found when the file is read, not at three in the morning."""
    text = "people: {ana: {console: yes}}\npolicies: {default: {steps: [{notify: ['slack:#ops', user:ana]}]}}\n"
    assert mistakes(tmp_path, text) == [
        "2:12: policies.default: slack:#ops cannot be reached: "
        "set slack.bot_token (or slack.bot_token_file, or slack.webhook_url)"
    ]


def test_clients_of_alertmanagers_api_learn_its_file(tmp_path: Path) -> None:
    """As it prints it, with the labels of receivers, and how long a pushed alert without an end is believed."""
    text = """
alertmanager:
  global: {resolve_timeout: 10m, slack_api_url: "https://hooks.example.com/x"}
  route: {receiver: b, page_first: true}
  receivers: [{name: b, labels: {owner: core}}, {name: a}]
"""
    facts = loaded(tmp_path, text).paging.alertmanager
    assert facts.resolve_timeout == 10 * MINUTE
    assert {name: dict(labels) for name, labels in facts.receivers.items()} == {
        "b": {"name": "b", "owner": "core"},
        "a": {"name": "a"},
    }
    printed = yaml.safe_load(facts.original)
    assert printed["global"]["slack_api_url"] == "<secret>"
    assert printed["route"] == {"receiver": "b", "continue": False}


def test_without_a_file_of_its_own_clients_learn_the_default_tree(tmp_path: Path) -> None:
    """In Alertmanager's words: what its tools read has the routes and the receivers' names."""
    facts = loaded(tmp_path, "people: {ana: {console: yes}}").paging.alertmanager
    printed = yaml.safe_load(facts.original)
    rules = printed.pop("inhibit_rules")
    assert facts.original.startswith(
        "# Alertmanager has no words for this: here only sources that are neither silenced "
    )
    assert rules[3]["source_matchers"][-1] == 'check!=""'
    assert rules[3]["equal"] == ["job", "environment", "check"]
    assert rules[5] == {
        "source_matchers": ['alertname="ErrorRateHigh"', 'severity="critical"', 'job!=""'],
        "target_matchers": ['alertname=~"ErrorRateElevated"'],
        "equal": ["job", "environment"],
    }
    assert printed == {
        "route": {
            "receiver": "default",
            "group_by": ["environment", "job"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [
                {
                    "receiver": "page",
                    "group_by": ["environment", "job"],
                    "matchers": ['severity="critical"'],
                    "group_wait": "0s",
                    "group_interval": "5m",
                    "repeat_interval": "4h",
                }
            ],
        },
        "receivers": [{"name": "default"}, {"name": "page"}],
    }


@pytest.mark.parametrize("url", ["monitor.example.com", "ftp://monitor", "http://", "http://a:port", "https://a/?x=1"])
def test_links_begin_with_an_address_that_people_can_follow(tmp_path: Path, url: str) -> None:
    """Found out when the file is read, not at night by whoever taps the link in a page."""
    remedy = "write http://host or https://host/path"
    expected = f'1:1: external_url: "{url}" is not an address that a link can begin with: {remedy}'
    assert mistakes(tmp_path, f'external_url: "{url}"') == [expected]


def test_an_address_with_port_and_path_is_what_links_begin_with(tmp_path: Path) -> None:
    """A slash at its end is not doubled."""
    assert loaded(tmp_path, 'external_url: "https://a.example:8443/wk/"').external_url == "https://a.example:8443/wk"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("checks: [{name: a, tcp: 'host:²'}]", "checks[0].tcp: 'host:²' is not host:port"),
        ("checks: [{name: a, tcp: host}]", "checks[0].tcp: 'host' is not host:port"),
        ("checks: [{name: a, tls: '[::1]:99999'}]", "checks[0].tls: '[::1]:99999' is not host:port"),
        ("checks: [{name: a, tls: '::1'}]", "write an IPv6 address in brackets"),
        ("smtp: {smarthost: 'mail:²', from: a@example.com}", "smtp.smarthost: 'mail:²' is not host:port"),
        ("web: {listen: '127.0.0.1:²'}", 'web.listen: "127.0.0.1:²" is not an address to listen at'),
        ("web: {listen: '127.0.0.1:" + "0" * 5_000 + "'}", "is not an address to listen at"),
    ],
)
def test_a_port_is_a_number_of_ascii_digits(tmp_path: Path, text: str, said: str) -> None:
    """Other digits that Python knows are refused with the place, and none breaks the reading."""
    assert said in str(mistakes(tmp_path, text))
