# boneage-search on TensorFlow's GPU image, as a user who is not root: docs/clusters.md
FROM tensorflow/tensorflow:2.21.0-gpu

WORKDIR /opt/boneage-search
COPY pyproject.toml constraints.txt README.md boneage_search.py ./
COPY search search
COPY studies studies
COPY models models
COPY data data
# A system whose Python belongs to its packages refuses pip without this; in an image, nobody else needs that Python.
ENV PIP_BREAK_SYSTEM_PACKAGES=1
# TensorFlow and CUDA are the image's own; the rest has the versions that the tests ran with.
RUN python3 -m pip install --no-cache-dir --constraint constraints.txt . nvidia-ml-py \
    && useradd --create-home searcher \
    && mkdir /work && chown searcher /work

# What NVIDIA's driver compiles for a card that is newer than TensorFlow outlasts the container, beside the runs.
ENV CUDA_CACHE_PATH=/work/runs/.nv

USER searcher
WORKDIR /work
ENTRYPOINT ["boneage-search"]
CMD ["--help"]
