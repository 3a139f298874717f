"""`watchkeeper demo`: one outage from end to end, within a minute, without an account and without a network.

A sample service and a real daemon run as child processes on loopback, with a temporary data folder. The demo breaks the
service and then only watches through the daemon's API, as anybody could, until each stage of the story was seen. The
pages appear as the daemon prints them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from monitor.cli.connection import OWN, Daemon, Json, fields, rows
from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.showing import clean, coloured, say, say_json
from monitor.clock import Clock

_CONFIGURATION: Final = """\
environment: demo
page_environments: [demo]
checks: [{{name: shop, url: "http://127.0.0.1:{port}/health", interval: 1s, timeout: 500ms}}]
scrape_configs: [{{job_name: shop, scrape_interval: 2s, scrape_timeout: 1s, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
people: {{ana: {{console: true}}, bo: {{console: true}}}}
policies: {{default: {{steps: [{{notify: ["user:ana"]}}, {{after: 6s, notify: ["user:bo"]}}]}}}}
host: {{enabled: false}}
log: {{level: error}}
"""
_LISTENS: Final = re.compile(r"(http://[^\s]+)")
_HEADLINE: Final = re.compile(
    r"(FIRING|CRITICAL|ERROR|WARNING|INFO|ACKNOWLEDGED|UNACKNOWLEDGED|RESOLVED|STILL OPEN|\[possible repeat\])\b"
)
_PATIENCE_SECONDS: Final = 30.0
_LOOK_EVERY: Final = 100


@dataclass(slots=True)
class Stage:
    """One thing that must be seen."""

    name: str
    sentence: str
    seconds: float | None = None
    """After the service broke; None until it was seen."""


@dataclass(slots=True)
class Telling:
    """What is shown, and when each stage was seen."""

    quiet: bool
    clock: Clock = field(default_factory=Clock)
    stages: list[Stage] = field(default_factory=list[Stage])
    broke_at: float | None = None

    def line(self, markup: str) -> None:
        if not self.quiet:
            say(markup)

    def seen(self, name: str, sentence: str) -> None:
        """A stage was reached."""
        now = self.clock.monotonic()
        seconds = None if self.broke_at is None else now - self.broke_at
        self.stages.append(Stage(name, sentence, seconds))
        mark = f"{seconds:6.1f} s" if seconds is not None else "        "
        self.line(f"[dim]{mark}[/]  {sentence}")

    def printed(self, text: str) -> None:
        """A line that the daemon printed: its console is where the pages go. Of each message its first line is shown."""
        if _HEADLINE.match(text):
            self.line(f"          [cyan]│ {clean(text)}[/]")


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the daemon running at the end, to look around; Ctrl-C ends it.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Show an outage from end to end in a minute: detection, page, escalation, acknowledgement, recovery."""
    telling = Telling(quiet=json_)
    try:
        asyncio.run(_play(telling, keep=keep and not json_))
    except KeyboardInterrupt:
        telling.line("\nStopped; nothing is left behind.")
        raise typer.Exit(Exit.INTERRUPTED) from None
    if json_:
        stages = [{"stage": one.name, "seconds": one.seconds, "text": one.sentence} for one in telling.stages]
        say_json({"ok": True, "stages": stages})


async def _play(telling: Telling, *, keep: bool) -> None:
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watchkeeper-demo-")))
        service = await stack.enter_async_context(_child("-m", "monitor.cli.demo_service", "0"))
        port = int(await _first_line(service, "the sample service", lambda line: line if line.isdigit() else ""))
        file = folder / "watchkeeper.yml"
        file.write_text(_CONFIGURATION.format(port=port), encoding="utf-8")
        process = await stack.enter_async_context(
            _child(
                "-m", "monitor", "run", "--config", str(file), "--listen", "127.0.0.1:0", "--data", str(folder / "data")
            )
        )
        url = await _first_line(process, "the daemon", _address)
        printing = asyncio.get_running_loop().create_task(_show_pages(process, telling))
        stack.callback(printing.cancel)
        await _story(telling, Daemon(url, person="bo"), Daemon(f"http://127.0.0.1:{port}"))
        if keep:
            telling.line(f"\nThe daemon goes on at {url}: Ctrl-C ends it.")
            await process.wait()


async def _story(telling: Telling, daemon: Daemon, service: Daemon) -> None:
    clock = telling.clock
    telling.line(f"[bold]A daemon watches a small service.[/] Its page: {daemon.url}")
    await _until(clock, "the service is found healthy", lambda: _check(daemon)["state"] == "healthy")
    await _until(clock, "the daemon is ready", lambda: daemon.ask("GET", "/-/ready").status == 200)
    telling.seen("healthy", f"shop is {coloured('healthy')} (version {clean(_check(daemon)['version'])})")

    await asyncio.to_thread(service.post, "/break")
    telling.broke_at = clock.monotonic()
    telling.seen("broken", "[bold]the service breaks[/]: its database pool is exhausted, /health answers 503")
    await _until(clock, "the failure is detected", lambda: _check(daemon)["state"] == "unhealthy")
    telling.seen("detected", f"detected: shop is {coloured('unhealthy')}: {clean(_check(daemon)['text'])}")
    found: list[Json] = []

    def opened() -> bool:
        found[:] = _open(daemon)
        return bool(found)

    await _until(clock, "an incident is opened", opened)
    number = found[0]["number"]
    await _until(clock, "ana is paged", lambda: _delivered(daemon, number, "user:ana", "trigger"))
    telling.seen("paged", f"incident #{number}: [bold]ana is paged[/]; step 2 follows in 6 s unless she answers")
    await _until(clock, "it escalates", lambda: _delivered(daemon, number, "user:bo", "trigger"))
    telling.seen("escalated", "ana did not answer: [bold]bo is paged[/]")
    await asyncio.to_thread(daemon.post, f"{OWN}/incidents/{number}/acknowledge")
    await _until(clock, "it is acknowledged", lambda: _incident(daemon, number)["state"] == "acknowledged")
    telling.seen("acknowledged", f"bo {coloured('acknowledged')} through the API: nobody else is paged")

    await asyncio.to_thread(service.post, "/mend")
    telling.seen("mended", "the service is mended")
    await _until(clock, "recovery is seen", lambda: _check(daemon)["state"] == "healthy")
    telling.seen("recovered", f"shop is {coloured('healthy')} again")
    await _until(clock, "the incident is resolved", lambda: _incident(daemon, number)["state"] == "resolved")
    for person in ("ana", "bo"):
        await _until(
            clock, f"{person} hears of it", lambda who=person: _delivered(daemon, number, f"user:{who}", "resolve")
        )
    telling.seen("resolved", f"incident #{number} is {coloured('resolved')}; ana and bo were told")
    _sum_up(telling)


def _sum_up(telling: Telling) -> None:
    took = {stage.name: stage.seconds or 0.0 for stage in telling.stages}
    telling.line(
        f"\n[green]Every stage was seen.[/] Detected after {took['detected']:.1f} s, paged after {took['paged']:.1f} s, "
        f"escalated after {took['escalated']:.1f} s, resolved {took['resolved'] - took['mended']:.1f} s after the repair."
    )
    telling.line("Now your own: watchkeeper run https://your.service/health")


def _check(daemon: Daemon) -> Json:
    found = rows(daemon.get(f"{OWN}/checks")["checks"])
    return found[0] if found else {"state": "unknown", "version": "", "text": ""}


def _open(daemon: Daemon) -> list[Json]:
    answer = daemon.ask("GET", f"{OWN}/incidents?state=open")
    return rows(fields(answer.document).get("incidents")) if answer.status == 200 else []


def _incident(daemon: Daemon, number: int) -> Json:
    return fields(daemon.get(f"{OWN}/incidents/{number}")["incident"])


def _delivered(daemon: Daemon, number: int, who: str, kind: str) -> bool:
    return any(
        str(sent["destination"]).startswith(f"{who}/") and sent["kind"] == kind and sent["state"] == "sent"
        for sent in rows(_incident(daemon, number).get("notifications"))
    )


async def _until(clock: Clock, what: str, holds: Callable[[], bool]) -> None:
    """Look again and again. Raises CommandError when it takes too long."""
    due = clock.monotonic() + _PATIENCE_SECONDS
    while not await asyncio.to_thread(holds):
        if clock.monotonic() > due:
            raise CommandError(Exit.FINDINGS, f"the demo waited in vain until {what}", "please report it")
        await clock.sleep(_LOOK_EVERY)


@contextlib.asynccontextmanager
async def _child(*arguments: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A Python process of ours that ends with the demo, however that ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WATCHKEEPER_")}
    environment.pop("DATABASE_URL", None)
    environment.pop("ENV", None)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _first_line(process: asyncio.subprocess.Process, what: str, find: Callable[[str], str]) -> str:
    """What `find` finds in a line that the process prints. Raises CommandError."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while line := await process.stdout.readline():
                found = find(line.decode("utf-8", "replace").strip())
                if found:
                    return found
    except TimeoutError:
        raise CommandError(Exit.FAILED, f"{what} did not start in {_PATIENCE_SECONDS:.0f} s") from None
    raise CommandError(Exit.FAILED, f"{what} ended with exit code {await process.wait()} before it was up")


def _address(line: str) -> str:
    found = _LISTENS.search(line)
    return found.group(1) if found else ""


async def _show_pages(process: asyncio.subprocess.Process, telling: Telling) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        text = line.decode("utf-8", "replace").rstrip()
        if text:
            telling.printed(text)
