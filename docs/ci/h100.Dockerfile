# An image for H100 nodes, built on a host that has no GPU, or another one: docs/container.md.
#   docker build -f docs/ci/h100.Dockerfile -t app .
#   docker run --gpus all app python -c 'import torch; print(torch.cuda.get_device_name())'
# CUDA's libraries come with the wheels, and the driver with the node: no base image of NVIDIA's is needed.
FROM python:3.12-slim AS build
COPY . /opt/variantctl
RUN python -m venv /opt/tool && /opt/tool/bin/pip install --quiet /opt/variantctl/plugins /opt/variantctl
RUN python -m venv --without-pip /app
WORKDIR /src
# Check pylock.toml in, and COPY it here, to get the same image again.
RUN /opt/tool/bin/variantctl lock torch --profile h100 --accelerator require --output pylock.toml
RUN /opt/tool/bin/variantctl sync pylock.toml -p /app --profile h100 --accelerator require --no-cache
RUN /opt/tool/bin/variantctl check -p /app

FROM python:3.12-slim
COPY --from=build /opt/tool /opt/tool
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH
HEALTHCHECK CMD /opt/tool/bin/variantctl doctor -p /app
