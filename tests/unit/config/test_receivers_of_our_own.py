"""What receivers may have that Alertmanager does not know: apprise, the console, a policy, and who is told instead."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from monitor.config.configuration import CONSOLE, Configuration
from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import ListOf, Values
from monitor.config.loading import load
from monitor.config.overrides import Overrides
from monitor.config.own_kinds import OURS, own_integrations
from monitor.config.yamltree import read
from monitor.model.errors import ConfigError
from monitor.model.notifications import Destination
from monitor.model.times import SECOND
from monitor.notify.kinds.apprise import AppriseOptions

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own import

NOTHING_SET = Environment(_env_file=None)  # pyright: ignore[reportCallIssue]
FILE = """
route: {receiver: chat}
receivers:
  - {name: chat, slack_configs: [{api_url: "https://hooks.example.com/x"}]}
"""


def loaded(folder: Path, text: str, alertmanager: str = FILE) -> Configuration:
    (folder / "alertmanager.yml").write_text(alertmanager, encoding="utf-8")
    path = folder / "watchkeeper.yml"
    path.write_text(text, encoding="utf-8")
    return load(Overrides(config=str(path)), NOTHING_SET, {})


def mistakes(folder: Path, text: str, alertmanager: str = FILE) -> list[str]:
    """What is wrong, without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, alertmanager)
    wrong = [str(finding) for finding in caught.value.findings if not finding.warning]
    return [finding.removeprefix(f"{folder}/").partition(".yml:")[2] for finding in wrong]


def after(configuration: Configuration, destination: Destination) -> list[str]:
    """Everybody who is told one after the other when nobody can be reached."""
    book, found = configuration.paging.book, [str(destination)]
    following = book.fallback(destination)
    while following is not None:
        found.append(str(following))
        following = book.fallback(following, first=destination)
    return found


def test_an_apprise_receiver_has_its_url_from_a_file_and_its_texts_from_templates(tmp_path: Path) -> None:
    """Nothing that prints it shows the URL."""
    text = """
receivers:
  - name: default
    apprise_configs:
      - {url_file: signal.url, title: "{{ .Status }}", body: "<b>{{ .Receiver }}</b>", format: html, timeout: 5s}
      - {url: "ntfy://s3cret@host/topic", send_resolved: false}
"""
    paging = loaded(tmp_path, text).paging
    first, second = (paging.book.options(Destination("default", "apprise", place)) for place in (0, 1))
    assert isinstance(first, AppriseOptions) and isinstance(second, AppriseOptions)
    assert (first.url.path, first.format, first.timeout) == (str(tmp_path / "signal.url"), "html", 5 * SECOND)
    assert second.url.read() == "ntfy://s3cret@host/topic"
    assert (second.format, second.timeout) == ("text", 10 * SECOND)
    assert "s3cret" not in f"{first} {second}"
    texts = paging.templates.fields[Destination("default", "apprise")]
    assert {name: one.html for name, one in texts.items()} == {"title": False, "body": True}
    assert [one.send_resolved for one in paging.receivers["default"].integrations] == [True, False]
    assert pickle.loads(pickle.dumps(paging.book)).options(Destination("default", "apprise", 1)) == second


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{}", "missing url in Apprise config: set url or url_file"),
        ("{url: a, url_file: b}", "at most one of url & url_file must be configured: keep one of url, url_file"),
        ("{url: a, format: bbcode}", 'unknown format "bbcode": text, markdown or html'),
        ("{url: a, timeout: 0s}", "timeout must be longer than nothing: leave it out: it is 10s"),
    ],
)
def test_an_apprise_receiver_that_cannot_be_meant_so_is_refused(tmp_path: Path, entry: str, said: str) -> None:
    """With place and remedy."""
    (found,) = mistakes(tmp_path, f"receivers: [{{name: default, apprise_configs: [{entry}]}}]")
    assert found.endswith(said)


def test_without_the_package_a_receiver_that_needs_it_is_refused() -> None:
    """Before the start, and not when somebody is to be told."""
    document = read("- {url: 'json://x'}", "watchkeeper.yml")
    findings = Findings()
    reading = Reading(document, findings, str)
    listed = OURS["apprise_configs"].read(document.tree, (), reading)
    values = Values({"apprise_configs": listed, "console_configs": []}, frozenset(), (), broken=False)
    assert isinstance(OURS["apprise_configs"], ListOf)
    list(own_integrations("default", values, reading, apprise=False))
    (finding,) = findings.errors
    assert finding.problem == "needs the package apprise, which is not installed"
    assert finding.remedy == "pip install 'watchkeeper[apprise]'"


BESIDE = """
alertmanager_file: alertmanager.yml
people: {ana: {console: true}}
policies: {default: {steps: [{notify: [user:ana]}]}}
receivers:
  - {name: chat, apprise_configs: [{url: "json://x"}], escalation_configs: [{policy: default}], fallback: mail}
  - {name: mail, webhook_configs: [{url: "http://mail/"}, {url: "http://post/", max_alerts: 1}]}
"""


def test_receivers_of_an_alertmanager_file_get_beside_it_what_it_has_no_key_for(tmp_path: Path) -> None:
    """By their names; other names are further receivers. What the file prints is as Alertmanager would."""
    configuration = loaded(tmp_path, BESIDE)
    chat = configuration.paging.receivers["chat"]
    assert [str(one.destination) for one in chat.integrations] == ["chat/slack[0]", "chat/apprise[0]"]
    assert chat.policy == "default"
    assert set(configuration.paging.receivers) == {"chat", "mail"}
    assert "apprise" not in configuration.paging.alertmanager.original
    assert configuration.warnings == ()


def test_what_alertmanager_has_a_key_for_belongs_into_its_file(tmp_path: Path) -> None:
    """Or there would be two places for one thing; amtool would know one of them only."""
    text = (
        "alertmanager_file: alertmanager.yml\n"
        "receivers: [{name: chat, webhook_configs: [{url: 'http://x/'}]}, {name: more, console_configs: [{}]}]\n"
    )
    assert mistakes(tmp_path, text) == [
        '2:13: receivers[0]: "chat" is a receiver of the Alertmanager configuration, which has a key for webhook: move '
        "webhook_configs there, or give the receiver another name"
    ]


def test_a_fallback_is_tried_integration_by_integration_and_then_its_own(tmp_path: Path) -> None:
    """At the end stands the house's: the first integration of the receiver default, or the console."""
    text = """
receivers:
  - {name: default, console_configs: [{}]}
  - {name: chat, webhook_configs: [{url: "http://chat/"}, {url: "http://room/"}], fallback: mail}
  - {name: mail, webhook_configs: [{url: "http://mail/"}, {url: "http://post/"}], fallback: phone}
  - {name: phone, webhook_configs: [{url: "http://phone/"}]}
"""
    found = loaded(tmp_path, text)
    instead = ["mail/webhook[0]", "mail/webhook[1]", "phone/webhook[0]", "default/console[0]"]
    assert after(found, Destination("chat", "webhook")) == ["chat/webhook[0]", *instead]
    assert after(found, Destination("chat", "webhook", 1)) == ["chat/webhook[1]", *instead]
    assert after(found, Destination("mail", "webhook")) == ["mail/webhook[0]", *instead[2:]]
    assert after(found, Destination("user:ana", "slack")) == ["user:ana/slack[0]", "default/console[0]"]
    assert after(found, Destination("default", "console")) == ["default/console[0]"]


def test_whom_the_house_falls_back_to_falls_back_to_the_house_unless_that_was_asked(tmp_path: Path) -> None:
    """Two that are down would play ball; but who came to one of them by another way has the other one left."""
    text = """
receivers:
  - {name: default, webhook_configs: [{url: "http://chat/"}], fallback: mail}
  - {name: mail, webhook_configs: [{url: "http://mail/"}]}
"""
    found = loaded(tmp_path, text)
    assert after(found, Destination("default", "webhook")) == ["default/webhook[0]", "mail/webhook[0]"]
    text = """
receivers:
  - {name: default, webhook_configs: [{url: "http://chat/"}, {url: "http://room/"}], fallback: phone}
  - {name: team, webhook_configs: [{url: "http://team/"}], fallback: phone}
  - {name: phone, webhook_configs: [{url: "http://phone/"}, {url: "http://bell/"}], fallback: pager}
  - {name: pager, webhook_configs: [{url: "http://pager/"}]}
"""
    found = loaded(tmp_path, text)
    phone, house = (
        ["phone/webhook[0]", "phone/webhook[1]", "pager/webhook[0]"],
        ["default/webhook[0]", "default/webhook[1]"],
    )
    assert after(found, Destination("team", "webhook")) == ["team/webhook[0]", *phone, *house]
    assert after(found, Destination("default", "webhook")) == ["default/webhook[0]", *phone]
    assert after(found, Destination("phone", "webhook", 1)) == ["phone/webhook[1]", "pager/webhook[0]", *house]
    assert after(found, Destination("user:ana", "slack")) == ["user:ana/slack[0]", *house, *phone]
    beside = loaded(tmp_path, "alertmanager_file: alertmanager.yml")
    assert after(beside, Destination("chat", "slack")) == ["chat/slack[0]", str(CONSOLE)]


def test_fallbacks_that_lead_back_or_nowhere_are_named(tmp_path: Path) -> None:
    """Each circle once, with all who are in it."""
    text = """
receivers:
  - {name: default, console_configs: [{}], fallback: nobody}
  - {name: a, console_configs: [{}], fallback: b}
  - {name: b, console_configs: [{}], fallback: c}
  - {name: c, console_configs: [{}], fallback: a}
  - {name: d, console_configs: [{}], fallback: d}
  - {name: e, console_configs: [{}], fallback: a}
  - {name: f, console_configs: [{}], fallback: empty}
  - {name: empty}
"""
    assert mistakes(tmp_path, text) == [
        '3:5: receivers[0]: the fallback of default is "nobody", which is no receiver: use one of a, b, c, d, default, e, '
        "f",
        "9:5: receivers[6]: the fallback of f is empty, which has no integrations: give it one",
        "4:5: receivers[1]: fallbacks lead back: a → b → c → a: leave one of them out",
        "7:5: receivers[4]: fallbacks lead back: d → d: leave one of them out",
    ]
