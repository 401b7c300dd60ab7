import { Entity, PrimaryColumn } from 'typeorm';

/** An object that must be removed from the store, written in the transaction that makes it so. */
@Entity('object_removals')
export class ObjectRemoval {
  @PrimaryColumn('varchar', { length: 120 })
  object: string;
}
