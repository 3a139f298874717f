"""`watchkeeper reload`: the daemon reads its configuration again."""

from __future__ import annotations

from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import clean, say, say_json


def reload(url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False) -> None:
    """Let the daemon read its configuration again. A file with mistakes changes nothing."""
    document = daemon(url, token_file).post("/-/reload")
    if json_:
        say_json(document)
        return
    say("[green]Reloaded.[/]")
    for line in document.get("warnings", ()):
        say(f"  [yellow]warning[/] {clean(line)}")
