import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row that transactions update to exclude each other; unlike locks, this also holds across the nodes of a cluster. */
@Entity('mutexes')
export class Lock {
  @PrimaryColumn('varchar', { length: 32 })
  name: string;

  @Column('int', { name: 'turn', default: 0 })
  counter: number;
}
