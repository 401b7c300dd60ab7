import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row that transactions change to exclude each other, in a cluster as well. */
@Entity('mutexes')
export class Lock {
  @PrimaryColumn('varchar', { length: 32 })
  name: string;

  @Column('int', { default: 0 })
  counter: number;
}
