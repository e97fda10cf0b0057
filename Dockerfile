# The steps are those of `make app`. Not built in continuous integration: no container engine there.
#
#   docker build -t relex-studio .                                     CPU
#   docker build -t relex-studio --build-arg BASE=<CUDA image with Python 3.11> .
#
# On Linux the plain torch wheel carries its own CUDA libraries and falls back to the CPU; to get the smaller
# CPU-only wheel name the index that holds it: --build-arg PIP_EXTRA_INDEX_URL=...
ARG BASE=python:3.11-slim
FROM ${BASE}

ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    RELEX_DATA=/data

WORKDIR /app
COPY requirements.txt .
RUN python3 -m venv .venv \
    && PIP_EXTRA_INDEX_URL="${PIP_EXTRA_INDEX_URL}" .venv/bin/pip install -r requirements.txt

COPY . .
RUN useradd --create-home relex && mkdir -p /data && chown relex:relex /data
USER relex
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD [".venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD [".venv/bin/streamlit", "run", "app.py", "--server.port", "8501", "--server.address", "0.0.0.0", "--server.headless", "true"]
