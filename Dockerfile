# Watchkeeper as a container. The first stage builds, the second one runs; nothing that builds is in it.
#
#   docker build -t watchkeeper .
#   docker run --rm -p 127.0.0.1:9797:9797 -v watchkeeper:/data --read-only --tmpfs /tmp watchkeeper run http://host:8080/health
#
# The root may be read-only: everything that is written goes to the volume /data. A configuration is looked for at
# /etc/watchkeeper/watchkeeper.yml; without one the daemon runs on its embedded default.

FROM python:3.11-slim-bookworm AS build

ENV UV_PROJECT_ENVIRONMENT=/opt/watchkeeper \
    UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1

WORKDIR /src

# What reads scraped bodies is compiled here too; `--build-arg WATCHKEEPER_NATIVE=0` leaves that to its twin in Python.
ARG WATCHKEEPER_NATIVE=1
RUN if [ "$WATCHKEEPER_NATIVE" != 0 ]; then \
        apt-get update \
        && apt-get install --yes --no-install-recommends gcc libc6-dev \
        && rm -rf /var/lib/apt/lists/*; \
    fi

# uv lives beside the environment that it makes, and stays behind with this stage.
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check uv==0.13.9

# Dependencies first, exactly those of the lock: they change less often than the source.
COPY pyproject.toml uv.lock ./
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-install-project

# Then the wheel, which carries rules and dashboards.
COPY README.md hatch_build.py ./
COPY rules ./rules
COPY dashboards ./dashboards
COPY monitor ./monitor
RUN WATCHKEEPER_NATIVE="$WATCHKEEPER_NATIVE" /opt/uv/bin/uv sync --frozen --no-dev --no-editable


FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="Watchkeeper" \
      org.opencontainers.image.description="One small daemon that probes, scrapes, evaluates alert rules, pages the on-call and proves that it did." \
      org.opencontainers.image.version="0.1.0"

RUN python3 -m pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel \
    && groupadd --gid 10001 watchkeeper \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin watchkeeper \
    && install --directory --owner=watchkeeper --group=watchkeeper --mode=0750 /data \
    && install --directory /etc/watchkeeper

COPY --from=build /opt/watchkeeper /opt/watchkeeper

ENV PATH=/opt/watchkeeper/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WATCHKEEPER_DATA=/data \
    WATCHKEEPER_LISTEN=0.0.0.0:9797 \
    WATCHKEEPER_LOG_FORM=json

WORKDIR /etc/watchkeeper
USER 10001:10001
VOLUME ["/data"]
EXPOSE 9797
STOPSIGNAL SIGTERM

# A degraded daemon is left alone: restarting the pager in the middle of an outage would make it worse.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 CMD ["watchkeeper", "health"]

ENTRYPOINT ["watchkeeper"]
CMD ["run"]
