import fastifyCors from '@fastify/cors';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppModule } from './app.module.js';
import { addResponseHeaders, requestIdOf } from './http/response-headers.js';
import { registerBodyParsers, BODY_LIMIT } from './http/body-parsers.js';
import { handleClientError, ProblemFilter } from './problems/problem.filter.js';
import { notifyOnCompletion, type CompletionListener, addCompletionListeners } from './http/request-completion.js';
import { Clock } from './config/clock.js';
import type { Env } from './config/env.js';
import { createSelfSignedCertificate } from './http/self-signed.js';
import { createApiDocument } from './openapi/document.js';
import { enforceContract } from './openapi/contract-enforcement.js';
import { SHUTDOWN_SIGNALS } from './http/draining.js';
import { createLogger, type Logger } from './logging/logger.js';
import { requestLog } from './http/request-log.js';
import { ServiceLogger } from './logging/service-logger.js';
import { Metrics } from './metrics/metrics.js';
import { requestMetrics } from './http/request-metrics.js';

const SERVER = { headersTimeout: 10_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 16 * 1024 };
const HEADERS_FOR_SCRIPTS = ['ETag', 'Link', 'Location', 'X-Request-Id', 'Idempotency-Replayed', 'Retry-After'];

export interface Service {
  app: NestFastifyApplication;
  api: OpenAPIObject;
}

/** The whole service, ready to listen: what `main`, the tests and the OpenAPI's file share. */
export async function createService(env: Env, clock = new Clock(), logger?: Logger): Promise<Service> {
  const log = logger ?? (await createLogger(env));
  const listeners: CompletionListener[] = [requestLog(log, env.GOOGLE_PROJECT)];
  const problems = new ProblemFilter();
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    genReqId: requestIdOf,
    // never true: everybody could then say they come from anywhere
    trustProxy: env.TRUSTED_PROXIES.length > 0 ? env.TRUSTED_PROXIES : false,
    requestTimeout: 30_000,
    // longer than the 600 s of Google's load balancer, which otherwise sends requests into a closed connection
    keepAliveTimeout: 620_000,
    // what comes on a connection that is about to close is still served
    return503OnClosing: false,
    ...(env.TLS ? { https: { ...SERVER, ...(await createSelfSignedCertificate(env.HOST)) } } : { http: SERVER }),
    clientErrorHandler: handleClientError,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      // before any hook: nobody would hear of it, and without those of CORS scripts could not read the answer
      notifyOnCompletion(request, reply, listeners);
      const { origin = '' } = request.headers;
      if (env.CORS_ORIGINS.includes(origin)) void reply.headers(corsHeaders(origin));
      problems.answer(error, request, reply);
    },
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(env, clock), adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: new ServiceLogger(log),
  });
  if (env.METRICS_PORT !== undefined) {
    const metrics = app.get(Metrics);
    metrics.watchProcess();
    listeners.push(requestMetrics(metrics));
  }
  const fastify = adapter.getInstance();
  addCompletionListeners(fastify, listeners);
  fastify.decorate('publicOrigin', env.PUBLIC_URL);
  addResponseHeaders(fastify);
  await registerBodyParsers(fastify);
  if (env.CORS_ORIGINS.length > 0)
    await fastify.register(fastifyCors, {
      delegator: ({ headers: { origin = '' } }, done) =>
        done(null, {
          origin: env.CORS_ORIGINS,
          methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
          exposedHeaders: HEADERS_FOR_SCRIPTS,
          // the one cookie there is belongs to a sign-in with a provider, which a frontend may start
          credentials: env.CORS_ORIGINS.includes(origin),
          maxAge: 600,
          // an OPTIONS that is no preflight is a request like any other
          strictPreflight: false,
        }),
    });

  const api = await createApiDocument(app);
  enforceContract(fastify, api);
  if (env.DOCS) serveDocs(app, api);
  // the process ends with 0, rather than by the signal once more
  app.enableShutdownHooks(SHUTDOWN_SIGNALS, { useProcessExit: true });
  await app.init();
  await fastify.ready();
  return { app, api };
}

const corsHeaders = (origin: string): Record<string, string> => ({
  'Access-Control-Allow-Origin': origin,
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Expose-Headers': HEADERS_FOR_SCRIPTS.join(', '),
  Vary: 'Origin',
});

function serveDocs(app: NestFastifyApplication, api: OpenAPIObject): void {
  SwaggerModule.setup('docs', app, api, { jsonDocumentUrl: 'openapi.json', yamlDocumentUrl: 'openapi.yaml' });
}
