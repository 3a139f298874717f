"""HTTP client sessions: one shared for notifications, one a scrape job, made at first use."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import aiohttp

from monitor import __version__
from monitor.config.configuration import Configuration, JobTls
from monitor.model.errors import PeerError
from monitor.scrape.jobs import ScrapeJob

_AGENT = {"User-Agent": f"Watchkeeper/{__version__}"}


class Sessions:
    """Follows the configuration in force, given by `configuration()`."""

    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration
        self._shared: aiohttp.ClientSession | None = None
        self._trust: tuple[str, ssl.SSLContext] | None = None

    def shared(self) -> aiohttp.ClientSession:
        """For notifications."""
        if self._shared is None or self._shared.closed:
            connector = aiohttp.TCPConnector(ssl=self.trust(), limit=64)
            self._shared = aiohttp.ClientSession(connector=connector, headers=_AGENT)
        return self._shared

    def trust(self) -> ssl.SSLContext:
        """Whom vendors' certificates are checked against."""
        file = self._configuration().vendor_ca_file
        if self._trust is None or self._trust[0] != file:
            context = ssl.create_default_context()
            if file:
                context.load_verify_locations(cafile=file)
            self._trust = (file, context)
        return self._trust[1]

    def of_job(self, job: ScrapeJob) -> aiohttp.ClientSession:
        """A session with the job's transport settings. Raises PeerError if its files cannot be used."""
        settings = self._configuration().job_tls.get(job.name)
        connector = aiohttp.TCPConnector(ssl=_context(settings) if settings is not None else True, limit=0)
        return aiohttp.ClientSession(connector=connector, headers=_AGENT, auto_decompress=True)

    async def close(self) -> None:
        if self._shared is not None:
            await self._shared.close()


def _context(settings: JobTls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise PeerError(f"the certificates of tls_config cannot be read: {error}") from error
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
