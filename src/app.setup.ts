import fastifyCookie from '@fastify/cookie';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppModule } from './app.module.js';
import { bearerTokenOf } from './auth/access.guard.js';
import { AuthService } from './auth/auth.service.js';
import { Facebook } from './auth/oauth/facebook.js';
import { Google } from './auth/oauth/google.js';
import { Clock } from './config/clock.js';
import type { Env } from './config/env.js';
import { BODY_LIMIT, registerBodyParsers } from './http/body-parsers.js';
import { Connections } from './http/connections.js';
import { registerCors, setCorsHeaders, warnOfUnknownOrigins } from './http/cors.js';
import { Draining, SHUTDOWN_SIGNALS } from './http/draining.js';
import { type IsTrusted, trustProxies } from './http/forwarded.js';
import { takeTurnsInLargeResponses } from './http/large-responses.js';
import { LoadShedding } from './http/load-shedding.js';
import { decoratePublicOrigin } from './http/origin.js';
import { OtherMethods } from './http/other-methods.js';
import { addCompletionListeners, type CompletionListener, notifyOnCompletion } from './http/request-completion.js';
import { requestLog } from './http/request-log.js';
import { requestMetrics } from './http/request-metrics.js';
import { requestSpans, traceRequests } from './http/request-tracing.js';
import { addResponseHeaders, requestIdOf, setCommonHeaders } from './http/response-headers.js';
import { createSelfSignedCertificate } from './http/self-signed.js';
import { refuseUnsupportedRequests, UnreadableRequests } from './http/unreadable-requests.js';
import { createLogger, type Logger } from './logging/logger.js';
import { ServiceLogger } from './logging/service-logger.js';
import { Metrics } from './metrics/metrics.js';
import { enforceContract } from './openapi/contract-enforcement.js';
import { serveDocs } from './openapi/docs.js';
import { createApiDocument } from './openapi/document.js';
import { sendProblem } from './problems/send-problem.js';
import { startTracing } from './tracing/tracing.js';
import { FirstAdmin } from './users/first-admin.js';

const SERVER_OPTIONS = {
  headersTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
  requireHostHeader: false,
};

export interface Service {
  app: NestFastifyApplication;
  api: OpenAPIObject;
}

/** Creates the service with its first admin, for the tests and `scripts/write-api.js`. */
export async function createService(env: Env, clock = new Clock(), logger?: Logger): Promise<Service> {
  const service = await prepareService(env, clock, logger);
  await service.app.get(FirstAdmin).ensure();
  return service;
}

/** Creates the service, ready to listen. It creates the first admin later: a taken port must not leave one behind. */
export async function prepareService(env: Env, clock: Clock, logger?: Logger): Promise<Service> {
  const log = logger ?? (await createLogger(env));
  // before the connection to the database
  const tracing = await startTracing(env.OTEL_EXPORTER_OTLP_ENDPOINT);
  const listeners: CompletionListener[] = [requestLog(log, env.GOOGLE_PROJECT)];
  if (tracing) listeners.push(requestSpans(tracing));
  const connections = new Connections();
  const isTrusted = trustProxies(env.TRUSTED_PROXIES);
  const unreadable = new UnreadableRequests(connections, env.PUBLIC_URL);
  const adapter = await createAdapter(env, listeners, unreadable, isTrusted);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(env, clock), adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: new ServiceLogger(log),
  });
  if (env.METRICS_PORT !== undefined) {
    const metrics = app.get(Metrics);
    metrics.collectProcessMetrics();
    listeners.push(requestMetrics(metrics));
    unreadable.onProblem = (code) => metrics.countProblem(code);
  }

  const fastify = adapter.getInstance();
  // Hooks run in this order. Completion listeners come first, as any later hook may respond; CORS comes before
  // shedding, so that pages can read the 503.
  addCompletionListeners(fastify, listeners);
  if (tracing) traceRequests(fastify, tracing);
  connections.register(fastify);
  decoratePublicOrigin(fastify, env.PUBLIC_URL, isTrusted);
  addResponseHeaders(fastify);
  warnOfUnknownOrigins(fastify, env);
  await registerCors(fastify, env.CORS_ORIGINS);
  refuseUnsupportedRequests(fastify);
  app.get(LoadShedding).register(fastify);
  app.get(Draining).register(fastify);
  takeTurnsInLargeResponses(fastify);
  await fastify.register(fastifyCookie);
  await registerBodyParsers(fastify);
  const api = await createApiDocument(app);
  enforceContract(fastify, api);
  const otherMethods = new OtherMethods();
  otherMethods.collectRoutes(fastify);
  const providers = [app.get(Google), app.get(Facebook)].filter(({ isConfigured }) => isConfigured);
  if (env.DOCS)
    serveDocs(
      fastify,
      api,
      providers.map(({ name }) => name),
    );

  if (tracing) fastify.addHook('onClose', () => tracing.stop());
  // exit with 0 instead of raising the signal again
  app.enableShutdownHooks(SHUTDOWN_SIGNALS, { useProcessExit: true });
  await app.init();
  const auth = app.get(AuthService);
  otherMethods.register(fastify, async (request) => {
    const token = bearerTokenOf(request);
    return token ? auth.authenticate(token) : undefined;
  });
  await fastify.ready();
  return { app, api };
}

async function createAdapter(
  env: Env,
  listeners: CompletionListener[],
  unreadable: UnreadableRequests,
  isTrusted: IsTrusted,
): Promise<FastifyAdapter> {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    genReqId: requestIdOf,
    trustProxy: isTrusted,
    requestTimeout: 30_000,
    // Without a byte sent or received; nothing in the service takes as long, so the client does not read its response. Node
    // waits a second time if bytes are still to be sent, so the connection ends within 80 s.
    connectionTimeout: 40_000,
    // longer than the 600 s of Google's load balancer, which would otherwise reuse a connection that we just closed
    keepAliveTimeout: 620_000,
    // requests on open connections are still served during shutdown
    return503OnClosing: false,
    ...(env.TLS
      ? { https: { ...SERVER_OPTIONS, ...(await createSelfSignedCertificate(env.HOST)) } }
      : { http: SERVER_OPTIONS }),
    clientErrorHandler: unreadable.handle,
    // the router refuses these requests before any hook runs
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      notifyOnCompletion(request, reply, listeners);
      setCommonHeaders(request, reply);
      setCorsHeaders(request, reply, env.CORS_ORIGINS);
      sendProblem(error, request, reply);
    },
  });
}
