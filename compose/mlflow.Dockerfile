# Container image of an MLflow server on PostgreSQL; the build context is this project. compose.yaml builds it.
ARG BASE=docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${BASE} AS build
WORKDIR /build
COPY constraints.txt ./
# pip checks the hashes of constraints from version 26.1 on, so it comes first. Bytecode is compiled here, since the
# container's file system may be read-only.
RUN sed -n '/^pip==/,/[^\]$/p' constraints.txt > pip.txt \
 && python -m pip install --no-cache-dir --require-hashes --requirement pip.txt \
 && python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --no-cache-dir --compile --require-hashes --constraint constraints.txt \
      mlflow "psycopg[binary]"

FROM ${BASE}
COPY --from=build /venv /venv
ENV HOME=/tmp \
    PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
# A new volume takes over the owner of this folder.
RUN install --directory --owner=10001 --group=10001 /artifacts
WORKDIR /tmp
USER 10001:10001
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:5000/health', timeout=2)"]
ENTRYPOINT ["mlflow", "server", "--host=0.0.0.0", "--port=5000", "--artifacts-destination=/artifacts", "--workers=1"]
