# Builds with all packages; the final image contains only production packages.
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# no package needs its install script: native code comes prebuilt
RUN npm ci --ignore-scripts

# For docker-compose.yml, which mounts the source and rebuilds and restarts at every change.
FROM packages AS development
ENV NODE_ENV=development HOST=0.0.0.0 TLS=self-signed
RUN chown node:node /app && chown -R node:node node_modules
USER node
CMD ["npm", "run", "start:watch"]

FROM packages AS build
COPY nest-cli.json tsconfig.json ./
COPY scripts/bundle.js scripts/ensure-built.js scripts/
COPY src src
COPY migrations migrations
RUN npm run build && npm prune --omit=dev --ignore-scripts
# not needed at run time: files for compilers and debuggers, and SQLite for another C library
RUN rm -r node_modules/typescript node_modules/@libsql/*-musl && \
  find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.[cm]ts' \) -delete

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
WORKDIR /app
# only the embedded database and local photos write here: without them the root file system may be read-only
RUN mkdir /data && chown node:node /data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
EXPOSE 8080
VOLUME /data
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node is process 1: it handles SIGTERM and SIGINT and waits for its workers; npm would not forward all signals
CMD ["node", "--enable-source-maps", "dist/src/main.js"]
