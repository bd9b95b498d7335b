# The connector as a container: `docker build -t servicenow-handoff .`, then
# `docker run -p 8080:8080 -v handoff:/var/lib/handoff --env-file settings.env servicenow-handoff`.
# scripts/check-container goes through the second stage without a daemon.

FROM rust:1.91-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# Cargo features, separated by commas: `otlp` exports metrics and traces.
ARG FEATURES="otlp"
RUN cargo build --locked --profile packaged --no-default-features --features "$FEATURES" --bin handler

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/handoff
COPY --from=build /source/target/packaged/handler /usr/local/bin/handler
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
# With STORE unset conversations are in data/handoff.db here: mount a volume, or set STORE to a blob container.
WORKDIR /var/lib/handoff
ENV LISTEN=0.0.0.0:8080
EXPOSE 8080
# The shell asks by itself, so that no HTTP client need be in the image. A store that fails is nothing a restart mends: not api/health.
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && read -r status <&3 && [[ $status == *' 200 '* ]]"]
# It ends in order on SIGTERM, within 10 seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["handler"]
CMD ["serve"]
