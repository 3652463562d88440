# The sidecar alone: Orthanc runs beside it, in a container or on the host, with orthanc-config/drimbox.py loaded.
# NOT TESTED: written without a Docker engine at hand. Its steps were run one by one in a bare folder.
#
#   docker build -t drimbox-orthanc .
#   docker run -v /etc/drimbox:/etc/drimbox:ro -v drimbox:/var/lib/drimbox drimbox-orthanc --config /etc/drimbox/orthanc.json
#
# Orthanc's hook reaches the sidecar on loopback by default: let both share one network namespace (a pod, or
# --network container:orthanc), or give the hook listener another address.
#
# One container per embedded database (PGlite): its lock is per network namespace, so two containers that share
# /var/lib/drimbox are not kept apart. Several sidecars share a PostgreSQL instead.

# Builds the viewer, and keeps of the npm packages those that run: this stage has the tools, the image has none.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --ignore-scripts
COPY viewer viewer
COPY scripts/viewer-setup.ts scripts/
COPY scripts/viewer-setup scripts/viewer-setup
RUN node scripts/viewer-setup.ts
RUN npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /opt/drimbox
COPY package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/viewer/dist viewer/dist
COPY plugin plugin
COPY migrations migrations
COPY scripts/drimbox scripts/node-24.sh scripts/
RUN ln -s /opt/drimbox/scripts/drimbox /usr/local/bin/drimbox \
  && useradd --system --uid 10042 --home-dir /var/lib/drimbox --create-home drimbox
USER drimbox
VOLUME /var/lib/drimbox

# As in the default configuration: MLLP (2575), the hook that Orthanc calls (8077), images for other DRIMboxes (8443), viewer (8444).
EXPOSE 2575 8077 8443 8444
# The hook port answers as soon as the sidecar serves; any answer at all is a sign of life.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "require('node:net').connect(Number(process.env.DRIMBOX_HEALTH_PORT ?? 8077), '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"]

ENTRYPOINT ["/opt/drimbox/scripts/drimbox", "serve"]
