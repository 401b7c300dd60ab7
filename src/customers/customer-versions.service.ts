import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { HistoryService } from '../history/history.service.js';
import { NO_PHOTO } from '../photos/stored-photo.js';
import { Problem } from '../problems/problem.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import type { Customer } from './customer.entity.js';
import { CustomersService, refuseErased } from './customers.service.js';

/** The fields that the history records of a customer. */
type State = Record<string, unknown>;

/** Past versions of customers: reading one, and going back to one. */
@Injectable()
export class CustomerVersionsService {
  constructor(
    private readonly customers: CustomersService,
    private readonly history: HistoryService,
  ) {}

  /** The customer as it was at `asOf`; without it, as it is now. A version counts from its own time on. */
  async get(id: number, asOf?: Date): Promise<Customer> {
    const current = asOf && (await this.customers.find(id));
    if (current) refuseErased(current);
    if (!current || current.lastModifiedAt <= asOf) return this.customers.get(id);
    if (current.createdAt > asOf) throw new Problem('customer_not_found');
    const past = await this.history.findAt('customer', id, asOf);
    if (past) return this.asOfVersion(current, past, past.state ?? (await this.stateOf(current, past.version)));
    // the Flask service changed the row and recorded nothing: the oldest known fields
    const oldest = { ...(await this.stateOf(current, 1)), deletedAt: null };
    return this.asOfVersion(current, { version: 1, by: current.createdBy, at: current.createdAt }, oldest);
  }

  /** Gives the customer the fields that it had in `version`. If it has them, nothing changes. */
  revert(context: WriteContext, id: number, version: number, expectedVersion?: VersionCondition): Promise<Customer> {
    return this.customers.change(context, id, {
      action: 'reverted',
      expectedVersion,
      set: async (current, manager) => {
        if (version > current.version) throw new Problem('version_not_found');
        return fieldsOf(await this.stateOf(current, version, manager));
      },
    });
  }

  private stateOf(current: Customer, version: number, manager?: EntityManager): Promise<State> {
    return this.history.stateOf(
      'customer',
      current.id,
      version,
      this.customers.resource.auditedFields(current),
      manager,
    );
  }

  private asOfVersion(
    current: Customer,
    { version, by, at }: { version: number; by: number | null; at: Date },
    state: State,
  ): Customer {
    if (state.deletedAt !== null) throw new Problem('customer_not_found');
    // URLs of a photo work only while the customer has it
    const hasPhoto = !current.isDeleted && state.photo === this.customers.resource.auditedFields(current).photo;
    return {
      ...current,
      ...fieldsOf(state),
      ...(hasPhoto ? {} : NO_PHOTO),
      version,
      lastModifiedBy: by!,
      lastModifiedAt: at,
      isDeleted: false,
      deletedAt: null,
      mergedInto: null,
    };
  }
}

/** What a client can set, without the photo. */
const fieldsOf = ({ email, name, surname, phone, company, notes }: State): Partial<Customer> =>
  ({ email, name, surname, phone, company, notes }) as Partial<Customer>;
