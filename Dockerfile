# docker build --build-arg VERSION="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' checker/__init__.py)" -t netproof .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# What builds lives in an environment of its own: neither pip nor hatchling are in the one that runs.
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
 && python -m venv --without-pip /opt/netproof \
 && /build/bin/pip --python /opt/netproof install --no-cache-dir --no-compile --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY checker checker
COPY netproof netproof
COPY notifications notifications
# Bytecode that is never compared with its source: the root file system is read-only, and the start costs less.
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /build/bin/pip --python /opt/netproof install --no-cache-dir --no-compile --no-deps /wheels/*.whl \
 && /opt/netproof/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/netproof

FROM ${PYTHON_IMAGE}
ARG PYTHON_IMAGE
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="netproof" \
      org.opencontainers.image.description="Proves, again and again, that a cluster's network policies hold." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/netproof /opt/netproof
ENV PATH=/opt/netproof/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes can see that it is not root (runAsNonRoot). Any other works as well.
USER 65532:65532
# No shell between: as process 1 netproof gets SIGTERM itself, and handles it.
ENTRYPOINT ["netproof"]
