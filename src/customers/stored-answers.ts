import { keyOf } from '../photos/photo-keys.js';
import type { StoredPhoto } from '../photos/stored-photo.js';
import type { Customer } from './customer.entity.js';

/** What version 0.1 stores under an Idempotency-Key: its response. */
type ResponseOf01 = Omit<Customer, keyof StoredPhoto> & {
  photoKey?: undefined;
  photo: { url: string; width: number | null; height: number | null } | null;
};

/**
 * The answer to store for a created customer: its row, as URLs of photos expire. During an upgrade, version 0.1 answers
 * retries with it as well; its response requires `photo` and `deletedAt`.
 */
export const toStoredAnswer = (customer: Customer): Customer => {
  const answer = { ...customer, deletedAt: null, photo: null };
  return answer;
};

/** The row of an answer that this version or version 0.1 has stored. */
export function fromStoredAnswer(answer: Customer | ResponseOf01): Customer {
  if (answer.photoKey !== undefined) return answer;
  const { photo, ...customer } = answer;
  const file = photo && new URL(photo.url).pathname.split('/').at(-1);
  return {
    ...customer,
    photoKey: (file && keyOf(file)) ?? null,
    photoUrl: null,
    photoWidth: photo?.width ?? null,
    photoHeight: photo?.height ?? null,
  };
}
