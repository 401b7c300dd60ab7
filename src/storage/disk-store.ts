import { randomUUID } from 'node:crypto';
import { mkdir, open, opendir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { ObjectStore, type StoredObject } from './object-store.js';
import { toStorageProblem } from './storage-errors.js';

/** Objects as files, for the embedded mode, whose database is a file as well. */
export class DiskStore extends ObjectStore {
  constructor(private readonly directory: string) {
    super();
  }

  /**
   * Writes a temporary file and renames it, so that readers never see a partial file. Everything is on disk before the
   * row that names the object is committed.
   */
  async put(key: string, bytes: Buffer): Promise<void> {
    const path = this.pathOf(key);
    const temporary = `${path}.${randomUUID()}`;
    try {
      const created = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(temporary, bytes, { mode: 0o600, flush: true });
      await rename(temporary, path);
      await syncDirectory(dirname(path));
      if (created !== undefined) await syncDirectory(dirname(created));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw toStorageProblem('put', error, this.directory);
    }
  }

  async read(key: string): Promise<Readable | undefined> {
    try {
      const file = await open(this.pathOf(key));
      return file.createReadStream();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw toStorageProblem('read', error, this.directory);
    }
  }

  async remove(key: string): Promise<void> {
    await rm(this.pathOf(key), { force: true }).catch((error: unknown) => {
      throw toStorageProblem('remove', error, this.directory);
    });
  }

  /** Lists temporary files of crashes too, so that PhotoSweep deletes them. */
  async *list(prefix: string): AsyncIterable<StoredObject> {
    try {
      for await (const { name } of await opendir(this.pathOf(prefix))) {
        const found = await stat(this.pathOf(prefix + name)).catch(() => undefined);
        if (found) yield { key: prefix + name, storedAt: found.mtime };
      }
    } catch (error) {
      if (!isMissing(error)) throw toStorageProblem('list', error, this.directory);
    }
  }

  private pathOf(key: string): string {
    return join(this.directory, key);
  }
}

/** Without it, a power failure can undo the renaming of a file. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory);
  await handle.sync().finally(() => handle.close());
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
