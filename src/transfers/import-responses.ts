import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Draining } from '../http/draining.js';
import { LoadShedding } from '../http/load-shedding.js';
import { UserSlots } from '../limits/user-slots.js';
import type { Problem } from '../problems/problem.js';
import { recordProblem, toProblem } from '../problems/send-problem.js';
import { createAccessCheck } from './access-check.js';
import type { CustomerReader } from './customer-reader.js';
import { EventStream, ReaderGoneError } from './event-stream.js';
import { delimiterOf, type ImportQuery } from './import.query.js';
import { type ImportOptions, ImportsService, type ImportSums, newSums } from './imports.service.js';
import type { ImportFile } from './parsing/file-rows.js';
import { openImportFile } from './parsing/import-file.js';
import { discardRest, shuttingDown, uploadFileOf } from './upload-file.js';

/** An import takes most of a processor core: more of them would slow down all other requests. */
const SLOTS = { total: 4, perUser: 1 };
const PROGRESS_MS = 1_000;
/** A batch that takes longer has waited itself. */
const MAX_YIELD_MS = 100;

interface OpenImport {
  request: FastifyRequest;
  file: ImportFile;
  reader: CustomerReader;
  options: ImportOptions;
}

/** Responds to an upload with the events of its import, while the file is read. */
@Injectable()
export class ImportResponses {
  private readonly logger = new Logger('Import');
  private readonly slots = new UserSlots(SLOTS, 'An import of yours is still running. Wait until it ends.');

  constructor(
    private readonly imports: ImportsService,
    private readonly draining: Draining,
    private readonly load: LoadShedding,
  ) {}

  /** Throws a problem if the file cannot be read at all. The transfer of events goes on after it returns. */
  async start(request: FastifyRequest, query: ImportQuery): Promise<Readable> {
    const { userId } = request.caller!;
    const options = { ...query, context: { actorId: userId, requestId: request.id } };
    const release = this.slots.take(userId);
    try {
      const opened = { request, options, ...(await this.open(request, query)) };
      // the user may have been deleted, demoted or signed out while the first part of the file arrived
      await request.confirmAccess?.();
      const events = new EventStream();
      void this.respond(opened, events).finally(release);
      return events.readable;
    } catch (error) {
      release();
      discardRest(request);
      throw error;
    }
  }

  private async open(request: FastifyRequest, query: ImportQuery): Promise<Pick<OpenImport, 'file' | 'reader'>> {
    const reader = this.imports.createReader(query);
    const { bytes, format, charset } = uploadFileOf(request, this.draining.closing);
    const delimiter = delimiterOf(query);
    const file = await openImportFile(bytes, { format, encoding: query.encoding ?? charset, delimiter });
    return { file, reader };
  }

  private async respond({ request, file, reader, options }: OpenImport, events: EventStream): Promise<void> {
    const sums = newSums();
    const progress = setInterval(() => events.offer({ event: 'progress', ...sums }), PROGRESS_MS);
    const confirmAccess = createAccessCheck(request);
    const yieldToOthers = this.createYield();
    const beforeBatch = async (): Promise<void> => {
      await yieldToOthers();
      // outside of a transaction: a slow reader holds up only itself
      await events.ready();
      if (this.draining.closing.aborted) throw shuttingDown();
      await confirmAccess();
    };
    try {
      if (file.columns) await events.send(columnsEvent(file.columns));
      await this.imports.run(file, reader, options, sums, {
        beforeBatch,
        onFailure: ({ row }, problem) => events.send({ event: 'rowError', row, problem: problemOf(problem) }),
      });
      events.end({ event: 'done', ...sums });
    } catch (error) {
      this.abort(error, request, sums, events);
    } finally {
      clearInterval(progress);
    }
  }

  /** While other requests are served, an import works half of the time. */
  private createYield(): () => Promise<void> {
    let requests = this.load.requests;
    let begin = performance.now();
    return async () => {
      const workMs = performance.now() - begin;
      if (this.load.requests > requests) await sleep(Math.min(workMs, MAX_YIELD_MS));
      requests = this.load.requests;
      begin = performance.now();
    };
  }

  private abort(error: unknown, request: FastifyRequest, sums: ImportSums, events: EventStream): void {
    if (error instanceof ReaderGoneError) return;
    const problem = toProblem(error);
    recordProblem(problem, error, request);
    if (problem.code === 'internal_error') this.logger.error(error);
    events.offer({ event: 'progress', ...sums });
    events.end({ event: 'aborted', problem: problemOf(problem) });
  }
}

const columnsEvent = ({ used, ignored }: NonNullable<ImportFile['columns']>): object => ({
  event: 'columns',
  used,
  ignored,
});

const problemOf = ({ code, detail, extras: { errors } }: Problem): object => ({ code, detail, errors });
