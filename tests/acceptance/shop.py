"""The small world of the acceptance tests: one shop, watched by one daemon, and both vendors.

The rules are the shipped ones with their times shortened (30 s between evaluations become 1 s, five minutes 8 s, a minute
1 s), so that what is tested is what is shipped, in a time that one wants to wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.clock import Clock
from tests.support.daemon_process import ROOT, DaemonProcess, until
from tests.support.sample_service import SampleService
from tests.support.twin import Fault, Received, Twin, running_twin
from tests.support.twin.pagerduty import PagerDutyAlert
from tests.support.twin.slack import SlackMessage

ANA = "a" * 32
"""Ana's routing key. She is paged first, together with the channel #incidents."""
BO = "b" * 32
"""Bo's routing key. He is paged next."""
_SHORTER = (
    ("interval: 30s", "interval: 1s"),
    ("[5m]", "[8s]"),
    ("for: 30s", "for: 1s"),
    ("for: 1m", "for: 1s"),
    ("for: 2m", "for: 2s"),
)
_JOB = '{{job_name: shop, static_configs: [{{targets: ["{address}"]}}]}}'
_CONFIGURATION = """
environment: production
checks:
  - {{name: shop, url: "{service}/health", interval: 1s, timeout: 1s, failure_threshold: 2, success_threshold: 1}}
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
scrape_configs: [{jobs}]
rules: {{shipped: false}}
rule_files: [rules/*.yml]
alertmanager:
  route:
    receiver: channel
    group_by: [alertname, job, check]
    group_wait: 0s
    group_interval: 1s
    routes: [{{receiver: page, matchers: ['severity="critical"']}}]
  receivers:
    - {{name: channel, slack_configs: [{{api_url: "{twin}/services/T/B/warnings", channel: "#warnings", send_resolved: true}}]}}
    - {{name: page}}
escalate: {{page: default}}
people:
  ana: {{pagerduty_routing_key: {ana}}}
  bo: {{pagerduty_routing_key: {bo}}}
policies:
  default:
    steps:
      - {{notify: ["user:ana", "slack:#incidents"]}}
      - {{after: {second_step}, notify: ["user:bo"]}}
slack: {{bot_token: xoxb-shop, api_url: "{slack}"}}
pagerduty: {{url: "{pagerduty}", ca_file: ca.pem}}
host: {{enabled: false}}
web: {{listen: "127.0.0.1:0"}}
{more}
"""


class Vendors:
    """The twin, which may also be away: then its ports refuse connections."""

    def __init__(self) -> None:
        self.twin = Twin()
        self._running = AsyncExitStack()

    async def come(self) -> None:
        """Listen, at the same ports as before."""
        ports = [int(url.rpartition(":")[2]) if url else 0 for url in (self.twin.http_url, self.twin.https_url)]
        await self._running.enter_async_context(running_twin(port=ports[0], tls_port=ports[1], twin=self.twin))

    async def leave(self) -> None:
        await self._running.aclose()


@dataclass
class Shop:
    """Everything that plays a part."""

    folder: Path
    vendors: Vendors
    service: SampleService
    daemon: DaemonProcess
    second_step: str = "60s"
    """The delay of the second step."""
    more: str = ""
    """Further lines of the configuration."""
    rules: tuple[str, ...] = ("critical",)
    """The shipped rule files in use."""
    scraped: bool = True
    """Is /metrics scraped, beside the check of /health?"""
    own_rules: str = ""
    """A rule file of the test's own."""

    @property
    def twin(self) -> Twin:
        return self.vendors.twin

    def configure(self) -> None:
        """Write the configuration and all that it names."""
        folder = self.folder / "rules"
        folder.mkdir(exist_ok=True)
        for name in self.rules:
            text = (ROOT / "rules" / f"{name}.yml").read_text()
            for long, short in _SHORTER:
                text = text.replace(long, short)
            (folder / f"{name}.yml").write_text(text)
        (folder / "own.yml").write_text(self.own_rules or "groups: []\n")
        (self.folder / "ca.pem").write_bytes(self.twin.authority.cert_pem.bytes())
        self.daemon.config.write_text(
            _CONFIGURATION.format(
                service=self.service.url,
                jobs=_JOB.format(address=self.service.address) if self.scraped else "",
                twin=self.twin.http_url,
                slack=self.twin.slack_url,
                pagerduty=self.twin.https_url,
                ana=ANA,
                bo=BO,
                second_step=self.second_step,
                more=self.more,
            )
        )

    def fail(self, fault: Fault, call: str) -> None:
        """Let calls whose name begins so meet this fault."""
        self.twin.fail(fault.kind, call, times=fault.times, status=fault.status, retry_after=fault.retry_after)

    def pages(self, key: str = "", saying: str = "") -> list[PagerDutyAlert]:
        """PagerDuty's alerts for a person, with these words in the summary."""
        return [
            alert
            for alert in self.twin.pagerduty.alerts
            if (not key or alert.routing_key == key) and saying in alert.summary
        ]

    def roots(self, saying: str = "") -> list[SlackMessage]:
        """The root messages of incidents in Slack."""
        return [message for message in self.twin.slack.roots() if saying in message.text]

    def warnings(self, saying: str = "") -> list[str]:
        """What the channel for warnings got."""
        return [str(body) for body in self.twin.slack.webhook_posts if saying in str(body)]

    def tried(self, call: str) -> list[Received]:
        return self.twin.received(call)

    def twin_now(self) -> int:
        """The time, as the twin's record has it."""
        return Clock().now()

    async def open_incidents(self, saying: str = "") -> Sequence[Mapping[str, Any]]:
        """As the API tells them."""
        document = await self.daemon.get("/api/watchkeeper/v1/incidents")
        return [incident for incident in document["incidents"] if saying in str(incident)]

    async def notifications(self, number: int) -> Sequence[Mapping[str, Any]]:
        """What was sent about an incident, as the API tells it."""
        document = await self.daemon.get(f"/api/watchkeeper/v1/incidents/{number}")
        return document["incident"]["notifications"]

    async def paged_at(self, saying: str) -> Sequence[datetime]:
        """When the steps of the one open incident with these words were taken, as its timeline has it."""
        (incident,) = await self.open_incidents(saying)
        document = await self.daemon.get(f"/api/watchkeeper/v1/incidents/{incident['number']}")
        timeline: Sequence[Mapping[str, str]] = document["incident"]["timeline"]
        return [datetime.fromisoformat(entry["at"]) for entry in timeline if entry["kind"] == "paged"]

    async def acknowledge_by_api(self, saying: str, person: str) -> None:
        """Acknowledge every open incident with these words."""
        for incident in await self.open_incidents(saying):
            path = f"/api/watchkeeper/v1/incidents/{incident['number']}/acknowledge"
            status, answer = await self.daemon.ask("POST", path, person=person)
            assert status == 200, answer
            assert answer["incident"]["state"] == "acknowledged", answer

    async def acknowledge_by_command(self, saying: str, person: str) -> None:
        """The same through the command line."""
        for incident in await self.open_incidents(saying):
            code, output = await self.daemon.command("incidents", "ack", str(incident["number"]), person=person)
            assert code == 0, output

    async def until(self, look: Callable[[], object], what: str, seconds: float = 15.0) -> None:
        """Wait for something to be seen; the daemon's log goes with the failure."""
        try:
            await until(look, what, seconds)
        except AssertionError as error:
            raise AssertionError(
                f"{error}\n--- twin ---\n{self._record()}\n--- daemon ---\n{self.daemon.log()}"
            ) from None

    async def until_watched(self) -> None:
        """Wait until the shop has been seen to be well."""

        async def well() -> bool:
            found = await self.daemon.query('watchkeeper_check_status{check="shop"}')
            return bool(found) and found[0]["value"][1] == "1"

        await until(well, "the shop is seen to be well")

    async def until_over(self) -> None:
        """Wait until everything that was sent has been resolved, at both vendors."""

        def over() -> bool:
            open_roots = [root for root in self.roots() if not root.text.startswith("RESOLVED")]
            return not self.twin.pagerduty.open() and not open_roots

        await self.until(over, "both vendors are told that it is over", 20)

    def _record(self) -> str:
        return "\n".join(
            f"{one.at} {one.call} status={one.status} fault={one.fault} {one.error} {str(one.body)[:160]}"
            for one in self.twin.record
        )


async def side_by_side(*stories: Coroutine[object, object, None]) -> None:
    """Several worlds at once; they spend their time waiting. Raises what failed first."""
    async with asyncio.TaskGroup() as group:
        for story in stories:
            group.create_task(story)


@asynccontextmanager
async def shop(folder: Path, **settings: object) -> AsyncGenerator[Shop]:
    """Twin and service up, the configuration written, the daemon not yet started. `settings` are fields of Shop."""
    found = _laid_out(folder, settings)
    try:
        await found.vendors.come()
        await found.service.start()
        found.configure()
        yield found
    finally:
        await found.daemon.end()
        await found.service.kill()
        await found.vendors.leave()


def _laid_out(folder: Path, settings: Mapping[str, object]) -> Shop:
    folder.mkdir(exist_ok=True)
    found = Shop(
        folder=folder,
        vendors=Vendors(),
        service=SampleService(folder / "service.log"),
        daemon=DaemonProcess(folder, folder / "watchkeeper.yml"),
    )
    found.twin.slack.quiet_channels.add("CINCIDENTS")
    for name, value in settings.items():
        setattr(found, name, value)
    return found
