"""The Dockerfile, read by a small parser: no engine is needed to see that it keeps its promises."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.docs.commands import problem_of

ROOT = Path(__file__).resolve().parents[2]
INSTRUCTIONS = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN", "SHELL",
    "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


@dataclass(slots=True)
class Stage:
    """One `FROM` and what follows it."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def all(self, keyword: str) -> list[str]:
        return [argument for word, argument in self.instructions if word == keyword]

    def last(self, keyword: str) -> str:
        """The one that counts. Raises IndexError if there is none."""
        return self.all(keyword)[-1]

    def pairs(self, keyword: str) -> dict[str, str]:
        """NAME=value of ENV or LABEL."""
        words = [word for argument in self.all(keyword) for word in shlex.split(argument)]
        return dict(word.split("=", 1) for word in words)


def parse(text: str) -> list[Stage]:
    """The stages. Raises ValueError for what is no Dockerfile. Source: docs.docker.com/reference/dockerfile."""
    stages: list[Stage] = []
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        keyword, _, argument = line.strip().partition(" ")
        argument = argument.strip()
        if keyword not in INSTRUCTIONS or not argument:
            raise ValueError(f"not an instruction: {line}")
        if keyword == "FROM":
            match = re.fullmatch(r"(\S+)(?: AS (\S+))?", argument)
            if match is None:
                raise ValueError(f"not a base: {argument}")
            stages.append(Stage(match[1], match[2] or ""))
        elif not stages:
            raise ValueError(f"{keyword} before FROM")
        else:
            stages[-1].instructions.append((keyword, argument))
    return stages


STAGES = parse((ROOT / "Dockerfile").read_text(encoding="utf-8"))
BUILD, FINAL = STAGES[0], STAGES[-1]


def test_the_parser_refuses_what_is_no_dockerfile() -> None:
    """Or the tests below would prove nothing."""
    for text in ("RUN true", "FROM a\nRUM true", "FROM a AS\n", "FROM a\nCMD"):
        with pytest.raises(ValueError, match=r"not|before"):
            parse(text)
    assert parse("FROM a AS b\n# no\nRUN x \\\n  && y\n")[0].last("RUN") == "x    && y"


def test_there_are_two_stages_from_one_slim_base() -> None:
    """The same one, so that the environment finds its interpreter where it was; pinned to a version of Python and Debian."""
    assert len(STAGES) == 2
    assert BUILD.base == FINAL.base
    assert re.fullmatch(r"python:3\.\d+-slim-bookworm", FINAL.base)


def test_the_environment_is_made_from_the_lock_and_without_tools_for_development() -> None:
    """Dependencies before the source, so that their layer is used again."""
    syncs = [run for run in BUILD.all("RUN") if "uv sync" in run]
    assert len(syncs) == 2
    assert all("--frozen" in run and "--no-dev" in run for run in syncs)
    assert "--no-install-project" in syncs[0]
    assert "--no-editable" in syncs[1]
    copied = BUILD.all("COPY")
    assert copied[0].split()[:2] == ["pyproject.toml", "uv.lock"]
    assert any(re.search(r"uv==\d+\.\d+\.\d+", run) for run in BUILD.all("RUN"))


def test_the_c_reader_is_built_where_a_compiler_is_and_nothing_else_comes_along() -> None:
    """Unless the build says otherwise; one that was built outside is not taken."""
    runs = BUILD.all("RUN")
    (tools,) = [run for run in runs if "apt-get install" in run]
    assert BUILD.last("ARG") == "WATCHKEEPER_NATIVE=1"
    assert 'if [ "$WATCHKEEPER_NATIVE" != 0 ]' in tools
    assert "gcc libc6-dev" in tools
    assert runs.index(tools) < next(place for place, run in enumerate(runs) if "--no-editable" in run)
    assert 'WATCHKEEPER_NATIVE="$WATCHKEEPER_NATIVE" ' in runs[-1]
    assert "**/*.so" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_what_the_wheel_needs_is_copied_and_let_through() -> None:
    """Every source exists, and .dockerignore, which shuts out all else, lets it in."""
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    copied = {source for argument in BUILD.all("COPY") for source in argument.split()[:-1]}
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], project["project"]["readme"]} <= copied


def test_the_final_stage_builds_nothing() -> None:
    """It takes the environment from the first stage and nothing else; pip goes."""
    assert FINAL.all("COPY") == ["--from=build /opt/watchkeeper /opt/watchkeeper"]
    assert FINAL.all("ADD") == []
    (run,) = FINAL.all("RUN")
    assert "pip uninstall --yes" in run
    assert not re.search(r"apt|pip install|gcc|build-essential|\buv\b|curl|git", run)


def test_it_runs_as_a_nobody_with_a_number() -> None:
    """Orchestrators compare numbers to know that it is not root; the user owns the data and nothing else."""
    user, group = FINAL.last("USER").split(":")
    assert int(user) >= 10000
    assert int(group) >= 10000
    (run,) = FINAL.all("RUN")
    assert f"--uid {user}" in run
    assert run.count("--owner=") == 1
    assert "--owner=watchkeeper --group=watchkeeper --mode=0750 /data" in run
    order = [word for word, _ in FINAL.instructions]
    assert order.index("RUN") < order.index("USER")


def test_only_the_data_folder_is_written() -> None:
    """So that the root may be read-only: no bytecode, data in the volume, nothing else in the environment is a path."""
    environment = FINAL.pairs("ENV")
    assert json.loads(FINAL.last("VOLUME")) == ["/data"]
    assert environment["WATCHKEEPER_DATA"] == "/data"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert BUILD.pairs("ENV")["UV_COMPILE_BYTECODE"] == "1"
    assert environment["PATH"].startswith(f"{BUILD.pairs('ENV')['UV_PROJECT_ENVIRONMENT']}/bin:")


def test_it_listens_where_it_says() -> None:
    """And its log is for machines."""
    environment = FINAL.pairs("ENV")
    assert environment["WATCHKEEPER_LISTEN"] == f"0.0.0.0:{FINAL.last('EXPOSE')}"
    assert environment["WATCHKEEPER_LOG_FORM"] == "json"
    assert FINAL.last("WORKDIR") == "/etc/watchkeeper"


def test_it_is_started_stopped_and_asked_by_our_own_command() -> None:
    """In the exec form: no shell between the signal and the daemon."""
    entry, command = json.loads(FINAL.last("ENTRYPOINT")), json.loads(FINAL.last("CMD"))
    assert entry == ["watchkeeper"]
    assert command == ["run"]
    assert FINAL.last("STOPSIGNAL") == "SIGTERM"
    options, _, health = FINAL.last("HEALTHCHECK").partition(" CMD ")
    assert {option.split("=")[0] for option in options.split()} == {
        "--interval",
        "--timeout",
        "--start-period",
        "--retries",
    }
    words = json.loads(health)
    assert words[0] == "watchkeeper"
    assert problem_of(words[1:]) == ""


def test_the_labels_are_those_of_the_project() -> None:
    """The version too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    labels = FINAL.pairs("LABEL")
    assert labels["org.opencontainers.image.version"] == project["version"]
    assert labels["org.opencontainers.image.description"] == project["description"]
    assert labels["org.opencontainers.image.title"] == "Watchkeeper"
