"""Every block of code in the documentation is run, loaded or parsed, and every link leads somewhere."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest

from monitor.cli.verbs import command_line
from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.golang.http_client import CLIENT
from monitor.config.golang.kinds import Reading
from monitor.config.loading import Overrides, load
from monitor.config.prometheus.file import read_prometheus
from monitor.config.rule_files import read_rules
from monitor.config.web_file import WEB
from monitor.config.yamltree import read
from monitor.notify.dressing.webhook import webhook_body
from monitor.notify.kinds.webhook import signature
from monitor.probe.frameworks import DIALECTS
from monitor.rules.rule_files import Defaults
from monitor.web.table import ROUTES
from tests.support.messages import a_message
from tests.unit.docs.commands import problem_of, verbs
from tests.unit.docs.compose_rules import problems_of_compose
from tests.unit.docs.pages import ROOT, Block, anchors, blocks, blocks_of, inline_code, links, pages

NOTHING_SET = Environment(_env_file=None)  # pyright: ignore[reportCallIssue]
ALL = list(blocks())
LANGUAGES = {"ini", "json", "python", "sh", "text", "yaml"}
PROGRAMS = {"amtool", "curl", "docker", "make", "python3", "sudo", "uv", "watchkeeper"}
VARIABLES = {"WATCHKEEPER_SLACK_WEBHOOK_URL": "x"}


def of(language: str, *, title: str = "") -> list[Block]:
    """The blocks of one language, perhaps only those whose title ends so."""
    return [block for block in ALL if block.language == language and block.title.endswith(title)]


def by_place(block: object) -> str:
    return str(block)


def test_every_block_says_what_it_is() -> None:
    """A block that nobody can check is not allowed: its fence names a language, and YAML the file that it is."""
    unknown = [str(block) for block in ALL if block.language not in LANGUAGES]
    untitled = [str(block) for block in of("yaml") if not block.title]
    assert (unknown, untitled) == ([], [])
    assert len(ALL) > 40


@pytest.mark.parametrize("block", of("yaml", title="watchkeeper.yml"), ids=by_place)
def test_a_configuration_loads_without_a_doubt(block: Block, tmp_path: Path) -> None:
    """With the other files of its page beside it; nothing in it is refused, and nothing is unserved. The files of secrets
    are the reader's."""
    for other in blocks_of(block.page):
        if other.language == "yaml":
            path = tmp_path / other.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(other.text, encoding="utf-8")
    (tmp_path / "watchkeeper.yml").write_text(block.text, encoding="utf-8")
    configuration = load(Overrides(config=str(tmp_path / "watchkeeper.yml")), NOTHING_SET, VARIABLES)
    assert [
        str(warning) for warning in configuration.warnings if "cannot be read: No such" not in warning.problem
    ] == []


def test_every_other_yaml_file_is_checked_by_what_reads_it() -> None:
    """Files of Prometheus and Alertmanager are named by a configuration of their page; rules, their tests and compose files
    have tests here."""
    for block in of("yaml"):
        if block.title in ("watchkeeper.yml", "docker-compose.yml") or block.title.startswith(
            ("rules/", "rule-tests/", "elsewhere/")
        ):
            continue
        named = [other.text for other in blocks_of(block.page) if other.title == "watchkeeper.yml"]
        assert any(f"_file: {block.title}" in text for text in named), f"{block}: no configuration names {block.title}"


def test_files_of_other_programs_are_what_they_take() -> None:
    """Those below `elsewhere/` are not read by the daemon: Prometheus's own, and amtool's settings for HTTP. And `web.yml`,
    whose certificates are not there."""
    titles = ("elsewhere/prometheus.yml", "elsewhere/amtool-http.yml", "elsewhere/web.yml")
    found = [block for title in titles for block in of("yaml", title=title)]
    for block in found:
        findings = Findings()
        document = read(block.text, str(block))
        if block.title.endswith("/prometheus.yml"):
            assert read_prometheus(document, document.tree, (), findings, str, {}) is not None
        elif block.title.endswith("/web.yml"):
            WEB.read(document.tree, (), Reading(document, findings, str))
        else:
            CLIENT.read(document.tree, (), Reading(document, findings, str))
        assert findings.errors == []
    assert found
    assert [block for block in of("yaml") if block.title.startswith("elsewhere/") and block not in found] == []


def test_rule_files_are_good_and_their_unit_tests_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the verbs that their pages name."""
    for block in of("yaml"):
        if block.title.startswith(("rules/", "rule-tests/")):
            path = tmp_path / block.page.stem / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    rules, tests = sorted(tmp_path.rglob("rules/*.yml")), sorted(tmp_path.rglob("rule-tests/*.yml"))
    for path in rules:
        findings = Findings()
        assert read_rules(path.read_text(encoding="utf-8"), str(path), Defaults(), findings)
        assert findings.all == []
        assert command_line(["rules", "check", str(path)]) == 0, capsys.readouterr().out
    for path in tests:
        assert command_line(["rules", "test", str(path)]) == 0, capsys.readouterr().out
    assert rules
    assert tests


@pytest.mark.parametrize("block", of("yaml", title="docker-compose.yml"), ids=by_place)
def test_a_compose_file_keeps_the_specification(block: Block) -> None:
    """As far as the rules in compose_rules know it."""
    assert problems_of_compose(block.text) == []


@pytest.mark.parametrize("block", of("json"), ids=by_place)
def test_json_is_json(block: Block) -> None:
    """Each block is one document."""
    assert isinstance(json.loads(block.text), dict)


def test_the_webhook_example_has_the_fields_that_are_sent() -> None:
    """No more, no fewer, in the body and in each alert."""
    (block,) = [block for block in of("json") if block.page.name == "notify-webhook.md"]
    shown, sent = json.loads(block.text), json.loads(webhook_body(a_message(of_incident=False)))
    assert shown.keys() == sent.keys()
    assert shown["alerts"][0].keys() == sent["alerts"][0].keys()


def test_the_receiver_of_the_webhook_page_accepts_our_signature_and_no_other() -> None:
    """Its code is run as it stands there."""
    (block,) = of("python")
    scope: dict[str, object] = {}
    exec(compile(block.text, str(block), "exec"), scope)
    is_ours = scope["is_ours"]
    assert callable(is_ours)
    header = signature("a secret", b"{}", 1_772_420_645_000)
    assert is_ours(b"a secret", header, b"{}") is True
    assert is_ours(b"a secret", header, b"{ }") is False
    assert is_ours(b"another", header, b"{}") is False


@pytest.mark.parametrize("block", of("sh"), ids=by_place)
def test_commands_can_be_given(block: Block) -> None:
    """Verbs and options exist, make's targets too, and addresses of ours are served."""
    problems = [found for line in block.text.splitlines() if (found := _problem(line))]
    assert problems == []


def test_commands_in_the_text_can_be_given() -> None:
    """Those between backticks as well."""
    problems: list[str] = []
    for page in pages():
        for code in inline_code(page):
            if code.startswith(("watchkeeper ", ".venv/bin/watchkeeper ", "make ")) and "VERB" not in code:
                problems += [f"{page.name}: {found}" for found in [_problem(code)] if found]
    assert problems == []


def test_every_verb_is_in_the_reference_of_the_command_line() -> None:
    """And none that is not there."""
    page = ROOT / "docs/reference/command-line.md"
    told = [code.removeprefix("watchkeeper ") for code in inline_code(page) if code.startswith("watchkeeper ")]
    missing = [verb for verb in sorted(verbs()) if not any(f"{code} ".startswith(f"{verb} ") for code in told)]
    assert missing == []


def test_every_route_is_in_the_reference_of_the_api() -> None:
    """Those of Prometheus's API by their common line; a path that is told is served."""
    text = (ROOT / "docs/reference/http-api.md").read_text(encoding="utf-8")
    told = {path for _, path in re.findall(r"`(GET|POST) (/[^`\s]*)`", text)}
    for path in told:
        assert _is_served(path), f"{path} is not served"
    for route in ROUTES:
        ours = route.path.startswith(("/api/watchkeeper/", "/ping", "/-/", "/health", "/ready", "/metrics"))
        if ours:
            known = any(_covers(path, route.path) for path in told)
            assert known, f"{route.method} {route.path} is not in the reference"


def test_links_lead_somewhere() -> None:
    """To files of the project that exist, and to headings that they have."""
    problems: list[str] = []
    for page in pages():
        for target in links(page):
            if target.startswith(("https://", "http://")):
                continue
            name, _, anchor = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            if not path.is_relative_to(ROOT) or not path.exists():
                problems.append(f"{page.relative_to(ROOT)}: {target} does not exist")
            elif anchor and anchor not in anchors(path):
                problems.append(f"{page.relative_to(ROOT)}: {target} has no such heading")
    assert problems == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    """A page that nobody links to is not read."""
    found, waiting = {ROOT / "README.md"}, [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        for target in links(page):
            path = (page.parent / target.partition("#")[0]).resolve()
            if path.suffix == ".md" and path.exists() and path not in found:
                found.add(path)
                waiting.append(path)
    assert [str(page.relative_to(ROOT)) for page in pages() if page not in found] == []


def test_every_shipped_runbook_is_in_the_index() -> None:
    """And the index names no other."""
    told = {Path(target).name for target in links(ROOT / "docs/how-to/runbooks.md") if "runbooks/" in target}
    assert told == {path.name for path in (ROOT / "rules/runbooks").glob("*.md")}


def test_every_dialect_of_health_bodies_is_told() -> None:
    """By the name under which the API shows it."""
    told = set(inline_code(ROOT / "docs/how-to/check-http.md"))
    assert {dialect.name for dialect in DIALECTS} | {"plain", "kubernetes"} <= told


@pytest.mark.parametrize("block", of("ini"), ids=by_place)
def test_a_unit_of_systemd_starts_what_there_is(block: Block) -> None:
    """It can be read, and its commands are ones that we have."""
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
    unit.read_string(block.text)
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "watchkeeper"
    assert problem_of(arguments) == ""
    known = {f"WATCHKEEPER_{name.upper()}" for name in Environment.model_fields}
    assert unit["Service"]["Environment"].split("=")[0] in known


def test_the_readme_fits_a_screen() -> None:
    """A large one: what does not fit belongs into docs/."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 75


def _problem(line: str) -> str:
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if not words:
        return ""
    program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
    if program not in PROGRAMS:
        return f"{program} is not a program that the documentation may use"
    if program == "watchkeeper":
        return problem_of(arguments)
    if program == "make":
        targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return "" if arguments[0] in targets else f"make has no target {arguments[0]}"
    if program == "python3":
        return "" if (ROOT / arguments[0]).is_file() else f"there is no file {arguments[0]}"
    if program == "curl":
        return _curl_problem(arguments)
    return ""


def _curl_problem(arguments: list[str]) -> str:
    (address,) = [word for word in arguments if word.startswith("http")]
    port, path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/[^?]*)(?:\?.*)?", address, re.ASCII).groups()  # pyright: ignore[reportOptionalMemberAccess]
    if port == "9797":
        return "" if _is_served(path) else f"{path} is not served"
    example = (ROOT / "docs/examples/sample-service/service.py").read_text(encoding="utf-8")
    return "" if f'"{path}"' in example else f"the sample service has no {path}"


def _is_served(path: str) -> bool:
    return any(_covers(path, route.path) for route in ROUTES)


def _covers(told: str, served: str) -> bool:
    """`/ping/NAME` and `/ping/nightly-backup` are `/ping/{name}`; a longer path of the same kind is told with its stem."""
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(served))
    if re.fullmatch(pattern, told):
        return True
    told_pattern = re.sub(r"[A-Z]{2,}", "[^/]+", told)
    return bool(re.fullmatch(f"{told_pattern}(/[^/]+)?", served))
