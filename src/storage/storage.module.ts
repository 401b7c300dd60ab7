import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Env } from '../config/env.js';
import { ObjectRemoval } from './object-removal.entity.js';
import { ObjectRemovals } from './object-removals.js';
import { ObjectStore } from './object-store.js';
import { openStore } from './open-store.js';

@Module({
  imports: [TypeOrmModule.forFeature([ObjectRemoval])],
  providers: [{ provide: ObjectStore, inject: [Env], useFactory: openStore }, ObjectRemovals],
  exports: [ObjectStore, ObjectRemovals],
})
export class StorageModule {}
