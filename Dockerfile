# make image: docker build --build-arg VERSION=… -t netproof .
# The digest is that of the base image for all platforms. Renovate updates it.
ARG PYTHON_IMAGE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# The build tools have their own environment: pip and hatchling are not in the one that is copied into the image.
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /build \
 && /build/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-build.lock \
 && python -m venv --without-pip /opt/netproof \
 && /build/bin/pip --python /opt/netproof install --no-cache-dir --no-compile --no-deps --require-hashes -r requirements.lock
# Everything that .dockerignore lets in.
COPY . .
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /build/bin/pip --python /opt/netproof install --no-cache-dir --no-compile --no-deps /wheels/*.whl \
 && python release/rootfs.py /rootfs

# No shell, no package manager, no pip: the interpreter, what it loads, and netproof.
FROM scratch
ARG PYTHON_IMAGE
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="netproof" \
      org.opencontainers.image.description="Tests continuously that a cluster's network policies work." \
      org.opencontainers.image.url="https://netproof.github.io/netproof/" \
      org.opencontainers.image.source="https://github.com/netproof/netproof" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /rootfs /
ENV PATH=/opt/netproof/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes can check that it is not root (runAsNonRoot). Any other user works, too.
USER 65532:65532
# Without a shell, netproof is process 1, and receives SIGTERM.
ENTRYPOINT ["netproof"]
