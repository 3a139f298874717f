"""A reload says of what it cannot change that it takes a restart."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from monitor.app.daemon import Daemon
from monitor.config.environment import Environment
from monitor.config.loading import load
from monitor.config.overrides import Overrides
from monitor.model.incidents import SYSTEM
from monitor.model.times import HOUR, MINUTE
from tests.support.windows import once


async def test_the_window_for_late_samples_follows_a_reload(tmp_path: Path) -> None:
    """Like Prometheus's; what else is said of storage takes a restart."""
    path = tmp_path / "watchkeeper.yml"
    bare = "host: {enabled: false}\nrules: {shipped: false}\n"
    path.write_text(bare, encoding="utf-8")
    overrides = Overrides(config=str(path), listen="127.0.0.1:0", data=str(tmp_path / "data"))
    daemon = Daemon(load(overrides, Environment(), {}), overrides, lambda _: None)
    await daemon.start()
    try:
        assert daemon.lookout is not None
        for text, window, warned in (
            ("storage: {out_of_order_time_window: 10m}\n", 10 * MINUTE, []),
            ("storage: {out_of_order_time_window: 2h, retention: 3d}\n", 2 * HOUR, ["storage"]),
            ("storage: {retention: 3d}\n", 0, []),
        ):
            path.write_text(bare + text, encoding="utf-8")
            assert [one.path for one in await daemon.reload(SYSTEM) if one.problem == "has changed"] == warned
            assert daemon.lookout.samples.intake.window == window
    finally:
        await daemon.stop()


async def test_another_web_file_takes_a_restart(tmp_path: Path) -> None:
    """Added, changed, removed; not when the file of that name only says something else."""
    path = tmp_path / "watchkeeper.yml"
    bare = "host: {enabled: false}\nrules: {shipped: false}\n"
    for name in ("one", "two"):
        (tmp_path / f"{name}.yml").write_text("rate_limit: {interval: 1ms, burst: 9}\n", encoding="utf-8")
    path.write_text(bare, encoding="utf-8")
    overrides = Overrides(config=str(path), listen="127.0.0.1:0", data=str(tmp_path / "data"))
    daemon = Daemon(load(overrides, Environment(), {}), overrides, lambda _: None)

    async def warned(text: str) -> bool:
        path.write_text(bare + text, encoding="utf-8")
        return [one.path for one in await daemon.reload(SYSTEM) if one.problem == "has changed"] == ["web.config_file"]

    await daemon.start()
    try:
        assert not await warned("")
        assert await warned("web: {config_file: one.yml}\n")
        (tmp_path / "one.yml").write_text("rate_limit: {interval: 1ms, burst: 10}\n", encoding="utf-8")
        assert not await warned("web: {config_file: one.yml}\n")
        assert await warned("web: {config_file: two.yml}\n")
        assert await warned("")
    finally:
        await daemon.stop()


async def test_a_reload_says_that_a_wider_web_file_is_meant(tmp_path: Path) -> None:
    """Until then the limit stays as it was, however often the file is looked at."""
    path, web_file = tmp_path / "watchkeeper.yml", tmp_path / "web.yml"
    path.write_text("host: {enabled: false}\nrules: {shipped: false}\nweb: {config_file: web.yml}\n", encoding="utf-8")
    web_file.write_text("rate_limit: {interval: 1h, burst: 1}\n", encoding="utf-8")
    overrides = Overrides(config=str(path), listen="127.0.0.1:0", data=str(tmp_path / "data"))
    daemon = Daemon(load(overrides, Environment(), {}), overrides, lambda _: None)
    await daemon.start()
    assert daemon.server is not None
    url = f"http://{daemon.server.addresses[0]}/-/healthy"
    try:
        async with aiohttp.ClientSession() as client:

            async def status() -> int:
                async with client.get(url) as answer:
                    return answer.status

            assert [await status(), await status()] == [200, 429]
            web_file.write_text("rate_limit: {interval: 1ms, burst: 1000}\n", encoding="utf-8")
            assert [await status(), await status()] == [429, 429]
            await daemon.reload(SYSTEM)
            assert [await status(), await status()] == [200, 200]
    finally:
        await daemon.stop()


async def test_a_window_of_the_file_with_the_name_of_an_added_one_is_warned_of(tmp_path: Path) -> None:
    """Both mute; by that name only the added one can be changed."""
    path = tmp_path / "watchkeeper.yml"
    bare = "host: {enabled: false}\nrules: {shipped: false}\n"
    file = "maintenance:\n  - {name: move, matchers: [a=b], starts_at: 2099-01-01T00:00:00Z, ends_at: 2099-01-02T00:00:00Z}\n"
    path.write_text(bare, encoding="utf-8")
    overrides = Overrides(config=str(path), listen="127.0.0.1:0", data=str(tmp_path / "data"))
    daemon = Daemon(load(overrides, Environment(), {}), overrides, lambda _: None)
    await daemon.start()
    try:
        assert daemon.rooms is not None
        added = once("2099-01-01T00:00:00Z", "2099-01-02T00:00:00Z", name="move")
        await daemon.rooms.quiet.maintaining.add(added, SYSTEM)
        for text, warned in (("", False), (file.replace("move", "other"), False), (file, True)):
            path.write_text(bare + text, encoding="utf-8")
            problems = [one.problem for one in await daemon.reload(SYSTEM) if one.path == "maintenance"]
            assert [problem.partition(" has the name")[0] for problem in problems] == (
                [f'"move" at {path}:4'] if warned else []
            )
    finally:
        await daemon.stop()
