# The sidecar alone: Orthanc runs beside it, in a container or on the host, with orthanc-config/drimbox.py loaded.
# NOT TESTED: written without a Docker engine at hand.
#
#   scripts/setup                          makes viewer/dist, which the image takes as it is
#   docker build -t drimbox-orthanc .
#   docker run -v /etc/drimbox:/etc/drimbox:ro -v drimbox:/var/lib/drimbox drimbox-orthanc --config /etc/drimbox/orthanc.json
#
# Orthanc's hook reaches the sidecar on loopback by default: let both share one network namespace (a pod, or
# --network container:orthanc), or give the hook listener another address.
#
# One container per embedded database (PGlite): its lock is per network namespace, so two containers that share
# /var/lib/drimbox are not kept apart. Several sidecars share a PostgreSQL instead.
FROM node:24-slim

ENV NODE_ENV=production
WORKDIR /opt/drimbox

COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force

COPY plugin plugin
COPY migrations migrations
# What browsers load, made by scripts/setup before the image is built.
COPY viewer/dist viewer/dist
COPY scripts/drimbox scripts/node-24.sh scripts/

RUN ln -s /opt/drimbox/scripts/drimbox /usr/local/bin/drimbox \
  && useradd --system --uid 10042 --home-dir /var/lib/drimbox --create-home drimbox
USER drimbox
VOLUME /var/lib/drimbox

# As in the default configuration: MLLP (2575), the hook that Orthanc calls (8077), images for other DRIMboxes (8443), viewer (8444).
EXPOSE 2575 8077 8443 8444
# The hook port answers as soon as the sidecar serves; any answer at all is a sign of life.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD node -e "require('node:net').connect(Number(process.env.DRIMBOX_HEALTH_PORT ?? 8077), '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"

ENTRYPOINT ["/opt/drimbox/scripts/drimbox", "serve"]
