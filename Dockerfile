# One image for the gateway, the worker and every other command; the container's command selects one.
# `make pin-images` appends the digest to this tag. Debian 13 has the client programs of PostgreSQL 17, which
# can copy servers up to version 17. A test checks that compose.yaml runs the same version.
ARG BASE=python:3.11-slim-trixie

FROM ${BASE} AS build
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
# The environment in the image has no pip. Each package is verified with its hash.
RUN python -m venv --without-pip /opt/topup \
    && python -m pip --python /opt/topup/bin/python install --no-cache-dir --no-compile \
        --require-hashes --only-binary :all: -r requirements.lock
RUN python -m pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md version.txt ./
COPY billing billing
COPY cli cli
COPY gateway gateway
COPY keys keys
COPY kernel kernel
COPY runtime runtime
COPY store store
COPY webhooks webhooks
COPY worker worker
# The build folder has no repository to read the version from. `.ci/version --chart` prints the version.
ARG VERSION
RUN test -n "$VERSION" || { echo "pass VERSION as a build argument: .ci/version --chart prints it"; exit 1; } \
    && echo "version: $VERSION" >version.txt
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && python -m pip --python /opt/topup/bin/python install --no-cache-dir --no-compile \
        --no-deps --no-index dist/*.whl \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/topup/lib

FROM ${BASE}
ARG VERSION
LABEL org.opencontainers.image.title="topup-gateway" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.licenses="Apache-2.0"
# `topup backup` and `topup restore` need postgresql-client; webhooks, providers and suppliers need
# ca-certificates. Debian offers one version of each, so a pinned version disappears with a security update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin topup \
    && install -d -o topup -g topup -m 0700 /data \
    && python -m pip uninstall --quiet --yes --root-user-action ignore setuptools wheel pip
COPY --from=build /opt/topup /opt/topup
# Debian's pg_dump in /usr/bin is a script that looks for clusters on this machine, so use the real program.
ENV PATH=/opt/topup/bin:/usr/lib/postgresql/17/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TOPUP_HOST=0.0.0.0 \
    TOPUP_PORT=8000 \
    TOPUP_DATA_DIR=/data \
    TOPUP_LOG_FORMAT=json
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Checks the gateway, which is the image's default command. For another command, configure its own check
# (compose.yaml). The check covers only the process, not the database, because some orchestrators restart
# unhealthy containers, which wouldn't repair the database. Load balancers check /readyz instead.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['TOPUP_PORT'] + '/healthz', timeout=2)"]
ENTRYPOINT ["topup"]
CMD ["serve"]
