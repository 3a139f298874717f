"""Asks a target for its metrics over HTTP."""

from __future__ import annotations

from typing import Final

from monitor.scrape.admission import ScrapeLimitError
from monitor.scrape.exposition.negotiation import ACCEPT
from monitor.scrape.jobs import ScrapeJob
from monitor.scrape.kinds.asking import Asking, body_of
from monitor.scrape.scraping import Answer
from monitor.scrape.targets import Target

_MOST_BYTES: Final = 512 << 20
"""Read of any body, limit or not: nobody's metrics are larger, and a decompression bomb is."""


class HttpFetch:
    """`scraping.Fetch`."""

    __slots__ = ("_asking",)

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def __call__(self, job: ScrapeJob, target: Target) -> Answer:
        headers = {
            "Accept": ACCEPT,
            "Accept-Encoding": "gzip" if job.compression else "identity",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout / 1000:g}",
        }
        async with self._asking.get(target.url, job.client, headers, target.timeout) as response:
            body = await body_of(response, job.limits.body_bytes or _MOST_BYTES)
            if body is None:
                raise ScrapeLimitError("body size limit exceeded", body_bytes=-1)
            return Answer(body=body, content_type=response.headers.get("Content-Type"))
