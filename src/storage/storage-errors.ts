import { FailureLog } from '../logging/failure-log.js';
import { type ProblemCode } from '../problems/catalog.js';
import { Problem } from '../problems/problem.js';

/** Permissions that Google Cloud Storage requires, by operation. */
export const PERMISSIONS = {
  put: 'storage.objects.create',
  read: 'storage.objects.get',
  remove: 'storage.objects.delete',
  list: 'storage.objects.list',
} as const;

export type Operation = keyof typeof PERMISSIONS;

const FULL = new Set<unknown>(['ENOSPC', 'EDQUOT', 507]);

const FIXES: Partial<Record<ProblemCode, string>> = {
  storage_full: 'Free space on the disk of DATA_DIR, or raise the quota of the bucket.',
  storage_forbidden:
    'Grant roles/storage.objectUser on the bucket to the service account, or correct the owner of DATA_DIR.',
  storage_bucket_missing: 'Create the bucket, or correct GOOGLE_BUCKET.',
  storage_unavailable: 'Check the network to the bucket, its status page, and the disk of DATA_DIR.',
};

const failures = new FailureLog('Storage');

/**
 * Maps an error of the store to a problem for the client. Logs the details for the operator, without the store's
 * message.
 */
export function toStorageProblem(operation: Operation, error: unknown, where: string): Problem {
  const { message = '', errors } = error as { message?: string; errors?: Array<{ reason?: string }> };
  const status = statusOf(error);
  const reason = errors?.[0]?.reason;
  const code = codeOf(status, reason, message);
  const permission = code === 'storage_forbidden' ? PERMISSIONS[operation] : undefined;
  failures.report(`${operation} ${code} ${String(status)}`, {
    message: code,
    operation,
    where,
    status,
    reason,
    permission,
    fix: FIXES[code],
  });
  return new Problem(code, permission && `The service lacks the permission ${permission}. Contact the operator.`);
}

/** @google-cloud/storage 7 puts the status in one of three members. */
export function statusOf(error: unknown): unknown {
  const { code, status, response } = error as { code?: unknown; status?: unknown; response?: { status?: unknown } };
  return code ?? status ?? response?.status;
}

function codeOf(status: unknown, reason: string | undefined, message: string): ProblemCode {
  if (FULL.has(status) || /quota|storageFull/i.test(reason ?? '')) return 'storage_full';
  if (status === 401 || status === 403 || status === 'EACCES' || status === 'EPERM' || status === 'EROFS')
    return 'storage_forbidden';
  if (status === 404 && /bucket/i.test(message)) return 'storage_bucket_missing';
  return 'storage_unavailable';
}
