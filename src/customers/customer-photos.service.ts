import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Problem } from '../problems/catalog.js';
import type { RequestContext } from '../http/request-context.js';
import { ObjectStore } from '../storage/object-store.js';
import { type PhotoAddress, PhotoAddresses } from '../photos/photo-addresses.js';
import { hashOf, PREFIX } from '../photos/photo-keys.js';
import { NO_PHOTO, PhotosService, type StoredPhoto } from '../photos/photos.service.js';
import type { CreateCustomerDto, CustomerDto } from './customer.dto.js';
import type { Customer } from './customer.entity.js';
import { CustomersService } from './customers.service.js';

export interface ServedPhoto {
  content: Readable;
  secondsLeft: number;
}

/** The photos of customers, and what becomes of them when customers come and go. */
@Injectable()
export class CustomerPhotosService {
  constructor(
    private readonly customers: CustomersService,
    private readonly photos: PhotosService,
    private readonly addresses: PhotoAddresses,
    private readonly store: ObjectStore,
  ) {}

  /** Customer and photo, or neither. */
  create(context: RequestContext, customer: CreateCustomerDto, upload: Buffer | undefined): Promise<CustomerDto> {
    if (!upload) return this.customers.create(context, customer);
    return this.photos.add(
      upload,
      (photo) => this.customers.create(context, customer, photo),
      // the answer to a request that was sent again has the photo of the first
      (created, key) => created.photo?.url.includes(key) ?? false,
    );
  }

  async set(context: RequestContext, id: number, upload: Buffer): Promise<CustomerDto> {
    await this.customers.getRow(id);
    const after = await this.photos.add(
      upload,
      (photo) => this.replace(context, id, 'photo_changed', photo),
      (customer, key) => customer.photoKey === key,
    );
    return this.customers.toDto(after, context.origin);
  }

  async clear(context: RequestContext, id: number): Promise<CustomerDto> {
    const after = await this.replace(context, id, 'photo_removed', NO_PHOTO);
    return this.customers.toDto(after, context.origin);
  }

  /** Deletes the customer. In a public bucket the photo goes out of sight first: its address is all that one needs. */
  async remove(context: RequestContext, id: number): Promise<void> {
    const { photoKey: seen } = await this.customers.getRow(id);
    if (seen === null || !this.addresses.isPublic) return this.customers.remove(context, id);
    await this.photos.hide(seen, (hidden) =>
      this.customers.remove(context, id, ({ photoKey }) => {
        // another photo since then, which would stay in sight
        if (photoKey !== seen) throw new Problem('overloaded');
        return { photoKey: hidden };
      }),
    );
  }

  /** What an address leads to: nothing, once the customer is deleted or has another photo. */
  async read(address: PhotoAddress): Promise<ServedPhoto> {
    const verified = this.addresses.verify(address);
    const customer = verified && (await this.customers.find(address.id));
    if (!verified || !customer || customer.isDeleted || customer.photoKey !== verified.key)
      throw new Problem('photo_not_found');
    const content = await this.store.read(PREFIX + address.file);
    if (!content) throw new Problem('photo_not_found');
    return { content, secondsLeft: verified.secondsLeft };
  }

  private async replace(context: RequestContext, id: number, action: string, photo: StoredPhoto): Promise<Customer> {
    let replaced = NO_PHOTO;
    const after = await this.customers.change(context, id, {
      action,
      set: (before) => {
        replaced = before;
        return isSame(before, photo) ? {} : photo;
      },
    });
    if (after.photoKey === photo.photoKey) await this.photos.discard(replaced);
    return after;
  }
}

/** Of the same content; its keys differ with every upload. */
const isSame = (before: StoredPhoto, { photoKey }: StoredPhoto): boolean =>
  photoKey === null
    ? before.photoKey === null && before.photoUrl === null
    : before.photoKey !== null && hashOf(before.photoKey) === hashOf(photoKey);
