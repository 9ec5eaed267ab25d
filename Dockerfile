# syntax=docker/dockerfile:1
# The image of the binary `caskchain` (the last stage, the default), and a development chain
# (`--target chain`) for compose.yaml. BuildKit builds only the stages it needs.

ARG RUST_VERSION=1.95
ARG DEBIAN=bookworm

FROM rust:${RUST_VERSION}-${DEBIAN} AS build
WORKDIR /build
COPY . .
# Both caches live in the builder, so the binary is copied out of `target` in the same step. The
# line tables of the release profile are for profilers; the image goes without.
RUN --mount=type=cache,id=caskchain-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=caskchain-target,target=/build/target \
    cargo build --release --locked -p api \
    && strip -o /usr/local/bin/caskchain target/release/caskchain

# Everything the binary needs at run time and nothing else: the C library it is linked to, the
# certificates of public authorities, a name for its account, a folder for its data, and busybox,
# which asks /ready for health checks. Same Debian as the build, so the C library fits.
FROM debian:${DEBIAN}-slim AS files
RUN apt-get update \
    && apt-get install -y --no-install-recommends busybox-static ca-certificates libgcc-s1
COPY --from=build /usr/local/bin/caskchain /usr/local/bin/caskchain
RUN set -eu; \
    mkdir -p /image/bin /image/etc/ssl/certs /image/usr/local/bin /owned/data; \
    for library in $(ldd /usr/local/bin/caskchain | grep -o '/[^ ]*'); do \
        mkdir -p "/image$(dirname "$library")"; \
        cp -L "$library" "/image$library"; \
    done; \
    cp /usr/local/bin/caskchain /image/usr/local/bin/; \
    cp "$(command -v busybox)" /image/bin/busybox; \
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/; \
    echo 'caskchain:x:10001:10001::/data:/sbin/nologin' > /image/etc/passwd; \
    echo 'caskchain:x:10001:' > /image/etc/group; \
    echo 'hosts: files dns' > /image/etc/nsswitch.conf; \
    chmod 0700 /owned/data

# A development chain: anvil from its npm package. Blocks come every second and are final two
# blocks later. Nothing on it is worth anything.
FROM node:22-${DEBIAN}-slim AS chain
WORKDIR /opt/anvil
# The package starts the binary of this platform, which comes with it; without the step between,
# signals reach it.
RUN npm install --no-audit --no-fund --ignore-scripts @foundry-rs/anvil@1.7.1 \
    && ln -s "$(find "$PWD/node_modules" -path '*/bin/anvil' -type f)" /usr/local/bin/anvil \
    && anvil --version \
    && mkdir /chain \
    && chown node:node /chain
USER node
VOLUME /chain
EXPOSE 8545
# anvil writes its state when it is interrupted.
STOPSIGNAL SIGINT
ENTRYPOINT ["/usr/local/bin/anvil"]
CMD ["--host", "0.0.0.0", "--port", "8545", "--chain-id", "31337", "--slots-in-an-epoch", "1", \
     "--block-time", "1", "--silent", "--state", "/chain/state.json", "--state-interval", "10"]

FROM scratch AS caskchain
COPY --from=files /image/ /
COPY --from=files --chown=10001:10001 /owned/ /
# Inside a container the loopback address is nobody's; publish the port on the host's as you like.
ENV CASKCHAIN_LISTEN=0.0.0.0:3000 \
    CASKCHAIN_DATA_FOLDER=/data \
    CASKCHAIN_LOG__FORMAT=json
# The only folder that is written to; the root can be read-only.
VOLUME /data
USER 10001:10001
EXPOSE 3000
# No HEALTHCHECK here: a process without the role `api` has no HTTP. Where there is one, ask
#   /bin/busybox wget -q -O /dev/null http://127.0.0.1:3000/ready
ENTRYPOINT ["/usr/local/bin/caskchain"]
CMD ["serve"]
