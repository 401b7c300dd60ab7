import { Injectable } from '@nestjs/common';
import { PhotoAddresses } from '../photos/photo-addresses.js';
import { PhotosService } from '../photos/photos.service.js';
import { NO_PHOTO, photoOf, type StoredPhoto } from '../photos/stored-photo.js';
import { Problem } from '../problems/problem.js';
import { Idempotency } from '../writes/idempotency.js';
import { ResourceWriter } from '../writes/resource-writer.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import type { Customer } from './customer.entity.js';
import { CustomersService, requireLive } from './customers.service.js';
import { MergeRecords } from './merge-records.js';

/** Legacy rows may have empty names; the other fields are optional. */
const FILLABLE = ['name', 'surname', 'phone', 'company', 'notes'] as const;

/** The photo of the customer that is deleted, at its old and at its new, unpublished key. */
interface HiddenPhoto {
  key: string;
  hiddenKey: string;
}

interface Merge {
  /** The customer that stays. */
  id: number;
  /** The customer that is deleted. */
  from: number;
  expectedVersion?: VersionCondition;
}

/** Merges two customers that are the same person. `CustomerRestoreService` undoes it. */
@Injectable()
export class CustomerMergeService {
  constructor(
    private readonly customers: CustomersService,
    private readonly writer: ResourceWriter,
    private readonly idempotency: Idempotency,
    private readonly records: MergeRecords,
    private readonly photos: PhotosService,
    private readonly addresses: PhotoAddresses,
  ) {}

  /** Returns the customer that stays. */
  async merge(context: WriteContext, merge: Merge): Promise<Customer> {
    const { id, from } = merge;
    if (from === id) {
      await this.customers.get(id);
      throw Problem.invalid([{ pointer: '/from', code: 'not_allowed', message: 'Must be another customer.' }]);
    }
    const key = await this.keyToHide(merge);
    if (key === undefined) return this.write(context, merge);
    let merged!: Customer;
    await this.photos.hide(key, async (hiddenKey) => {
      merged = await this.write(context, merge, { key, hiddenKey });
      // a replay changes no row
      return (await this.customers.find(from))?.photoKey === hiddenKey;
    });
    return merged;
  }

  /** In a public bucket a photo that stays with the deleted customer is hidden, as its published URL would keep working. */
  private async keyToHide({ id, from }: Merge): Promise<string | undefined> {
    if (!this.addresses.isPublic) return undefined;
    const [stays, other] = await Promise.all([this.customers.find(id), this.customers.find(from)]);
    if (!stays || !other || other.isDeleted || !hasPhoto(stays)) return undefined;
    return other.photoKey ?? undefined;
  }

  private async write(
    context: WriteContext,
    { id, from, expectedVersion }: Merge,
    hidden?: HiddenPhoto,
  ): Promise<Customer> {
    const { resource } = this.customers;
    const answer = await this.idempotency.runOnce(context, async (manager) => {
      const rows = await resource.table.lockByIds(manager, [id, from]);
      const stays = requireLive(rows.get(id));
      const other = requireLive(rows.get(from));
      const fill = fillOf(stays, other);
      // first: two rows never have the same photo
      const deleted = await this.writer.updateIn(manager, resource, context, from, {
        action: 'merged_into',
        set: (_row, _manager, now) => ({
          isDeleted: true,
          deletedAt: now,
          mergedInto: id,
          ...this.remainingPhoto(other, fill, hidden),
        }),
      });
      const merged = await this.writer.updateIn(manager, resource, context, id, {
        action: 'merged',
        expectedVersion,
        always: true,
        set: () => fill,
      });
      const versions = { fromVersion: deleted.version, intoVersion: merged.version };
      await this.records.add(manager, { fromId: from, intoId: id, ...versions });
      return { resource: resource.name, resourceId: id, relatedId: from, answer: merged };
    });
    // a replayed row comes from JSON, with strings for its dates
    return resource.table.revive(answer);
  }

  private remainingPhoto(other: Customer, fill: Partial<Customer>, hidden?: HiddenPhoto): Partial<Customer> {
    const moves = fill.photoKey !== undefined;
    const mustHide = this.addresses.isPublic && other.photoKey !== null && !moves;
    // a photo was changed since the copy was made: the client has to retry
    if (mustHide ? hidden?.key !== other.photoKey : hidden) throw new Problem('overloaded');
    if (moves) return NO_PHOTO;
    return hidden ? { photoKey: hidden.hiddenKey } : {};
  }
}

/** The values of `other` for the empty fields of `stays`. */
function fillOf(stays: Customer, other: Customer): Partial<Customer> {
  const fill: Partial<Customer> = {};
  for (const field of FILLABLE) if (isEmpty(stays[field]) && !isEmpty(other[field])) fill[field] = other[field]!;
  return hasPhoto(other) && !hasPhoto(stays) ? { ...fill, ...photoOf(other) } : fill;
}

const isEmpty = (value: string | null): boolean => value === null || value.trim() === '';

const hasPhoto = ({ photoKey, photoUrl }: StoredPhoto): boolean => photoKey !== null || !isEmpty(photoUrl);
