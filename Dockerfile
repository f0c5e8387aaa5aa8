# The front-end libraries, from the lock file; only what is served goes on.
FROM node:22-bookworm-slim AS front-end
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3
WORKDIR /build
COPY .ci/setup .ci/setup
COPY web/package.json web/package-lock.json web/.npmrc web/
RUN .ci/setup front-end

# The packages, checked against their hashes, in an environment that is copied whole.
FROM python:3.12-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/skrynka
COPY requirements.txt /build/
RUN /opt/skrynka/bin/pip install --require-hashes -r /build/requirements.txt
COPY . /build/
COPY --from=front-end /build/web/static/vendor /build/web/static/vendor
RUN /opt/skrynka/bin/pip install --no-deps --no-build-isolation /build

FROM python:3.12-slim-bookworm
# mongod of the embedded wheel links against libcurl.
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends libcurl4 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data skrynka \
    && install -d -o skrynka -g skrynka -m 0700 /data
COPY --from=packages /opt/skrynka /opt/skrynka
ENV PATH=/opt/skrynka/bin:$PATH PYTHONUNBUFFERED=1 SKRYNKA_DATA_DIR=/data
USER skrynka
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["skrynka", "serve", "--host", "0.0.0.0", "--port", "8080"]
