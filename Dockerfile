# The image of webhook, controller and command line.
#
# Any base with python3 (3.11 or newer) and its venv will do; both stages have the same one:
#   docker build --build-arg BASE=docker.io/library/python:3.13-slim-bookworm -t irsa .
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/
# The tools that build stay behind in an environment of their own, and pip with them.
RUN python3 -m venv tools \
 && tools/bin/pip install --require-hashes --requirement requirements/build.txt \
 && python3 -m venv --without-pip /opt/irsa \
 && tools/bin/pip --python /opt/irsa/bin/python install --no-deps --require-hashes --requirement requirements/runtime.txt
COPY LICENSE README.md pyproject.toml ./
COPY src src
# Compiled here, because the pods' file system is read-only; unchecked, because nothing changes there.
RUN tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && tools/bin/pip --python /opt/irsa/bin/python install --no-deps --no-index dist/irsa-*.whl \
 && /opt/irsa/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/irsa/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="irsa" \
      org.opencontainers.image.description="IAM Roles for Service Accounts on any self-hosted Kubernetes" \
      org.opencontainers.image.source="https://github.com/irsa-project/irsa" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/irsa /opt/irsa
ENV PATH=/opt/irsa/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["irsa"]
CMD ["--help"]
