"""What a command does not import, it does not pay for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NOBODY = "http://127.0.0.1:1"


def test_run_passes_by_typer_and_rich(tmp_path: Path) -> None:
    """The daemon's start does not pay for the other commands."""
    script = (
        "import sys\n"
        "from monitor.__main__ import main\n"
        f"sys.argv = ['watchkeeper', 'run', '--config', {str(tmp_path / 'none.yml')!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    code = ended.code\n"
        "print(code, sorted({'typer', 'rich', 'click'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "1 []\n"
    assert "cannot be read" in ran.stderr


def test_a_health_check_imports_little() -> None:
    """A container asks every few seconds: neither the samples' numbers nor the server are loaded."""
    script = (
        "import sys\n"
        "from monitor.cli.verbs import command_line\n"
        f"command_line(['health', '--url', '{NOBODY}'])\n"
        "print(sorted({'numpy', 'aiohttp', 'monitor.config.loading'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
