"""The twin as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from tests.support.twin.server import Twin, running_twin


async def _serve(port: int, tls_port: int, ca_file: str) -> None:
    twin = Twin()
    if ca_file:
        await asyncio.to_thread(Path(ca_file).write_bytes, twin.authority.cert_pem.bytes())
    async with running_twin(port=port, tls_port=tls_port, twin=twin):
        sys.stdout.write(json.dumps({"http": twin.http_url, "https": twin.https_url, "slack": twin.slack_url}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.twin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="plain port; 0 takes a free one")
    parser.add_argument("--tls-port", type=int, default=0, help="TLS port; 0 takes a free one")
    parser.add_argument("--ca-file", default="", help="where to write the certificate authority to trust, as PEM")
    options = parser.parse_args()
    try:
        asyncio.run(_serve(options.port, options.tls_port, options.ca_file))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
