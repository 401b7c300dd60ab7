import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { Action } from '../history/actions.js';
import { type PhotoAddress, PhotoAddresses } from '../photos/photo-addresses.js';
import { hashOf, PREFIX } from '../photos/photo-keys.js';
import { PhotosService } from '../photos/photos.service.js';
import { NO_PHOTO, type StoredPhoto } from '../photos/stored-photo.js';
import type { Upload } from '../photos/upload.js';
import { Problem } from '../problems/problem.js';
import { ObjectStore } from '../storage/object-store.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import type { CreateCustomerDto } from './customer.dto.js';
import type { Customer } from './customer.entity.js';
import { CustomersService, refuseErased } from './customers.service.js';

export interface ServedPhoto {
  content: Readable;
  secondsLeft: number;
}

/** Operations on a customer that also store, move or delete the objects of the photo. */
@Injectable()
export class CustomerPhotosService {
  constructor(
    private readonly customers: CustomersService,
    private readonly photos: PhotosService,
    private readonly addresses: PhotoAddresses,
    private readonly store: ObjectStore,
  ) {}

  /** Creates both customer and photo, or neither. */
  create(context: WriteContext, customer: CreateCustomerDto, upload: Upload | undefined): Promise<Customer> {
    if (!upload) return this.customers.create(context, customer);
    return this.photos.add(
      upload,
      (photo) => this.customers.create(context, customer, photo),
      // a replay returns the customer with the photo of the first request
      hasKey,
    );
  }

  async set(context: WriteContext, id: number, upload: Upload, expectedVersion?: VersionCondition): Promise<Customer> {
    await this.customers.get(id);
    return this.photos.add(
      upload,
      (photo) => this.replace(context, id, { action: 'photo_changed', photo, expectedVersion }),
      hasKey,
    );
  }

  clear(context: WriteContext, id: number, expectedVersion?: VersionCondition): Promise<Customer> {
    return this.replace(context, id, { action: 'photo_removed', photo: NO_PHOTO, expectedVersion });
  }

  /** Deletes the customer. In a public bucket hides the photo first, as its published URL would keep working. */
  async remove(context: WriteContext, id: number, expectedVersion?: VersionCondition): Promise<void> {
    const { photoKey: currentKey } = await this.customers.get(id);
    if (currentKey === null || !this.addresses.isPublic) return this.customers.remove(context, id, expectedVersion);
    await this.photos.hide(currentKey, async (hiddenKey) => {
      await this.customers.remove(context, id, expectedVersion, ({ photoKey }) => {
        // the photo was replaced in the meantime and would stay public: the client has to retry
        if (photoKey !== currentKey) throw new Problem('overloaded');
        return { photoKey: hiddenKey };
      });
      return true;
    });
  }

  /** Reads a photo by its signed URL, which stops working when the customer is deleted or has another photo. */
  async read(address: PhotoAddress): Promise<ServedPhoto> {
    const verified = this.addresses.verify(address);
    const customer = verified && (await this.customers.find(address.id));
    if (verified && customer) refuseErased(customer);
    if (!verified || !customer || customer.isDeleted || customer.photoKey !== verified.key)
      throw new Problem('photo_not_found');
    const content = await this.store.read(PREFIX + address.file);
    if (!content) throw new Problem('photo_not_found');
    return { content, secondsLeft: verified.secondsLeft };
  }

  private async replace(
    context: WriteContext,
    id: number,
    { action, photo, expectedVersion }: { action: Action; photo: StoredPhoto; expectedVersion?: VersionCondition },
  ): Promise<Customer> {
    let replaced = NO_PHOTO;
    const after = await this.customers.change(context, id, {
      action,
      expectedVersion,
      set: (before) => {
        replaced = before;
        return hasSameContent(before, photo) ? {} : photo;
      },
    });
    if (hasKey(after, photo.photoKey)) await this.photos.discard(replaced);
    return after;
  }
}

const hasKey = ({ photoKey }: Customer, key: string | null): boolean => photoKey === key;

/** Compares hashes, as the keys of two uploads always differ. */
const hasSameContent = (before: StoredPhoto, { photoKey }: StoredPhoto): boolean =>
  photoKey === null
    ? before.photoKey === null && before.photoUrl === null
    : before.photoKey !== null && hashOf(before.photoKey) === hashOf(photoKey);
