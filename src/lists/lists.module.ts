import { Module } from '@nestjs/common';
import { Cursors } from './cursors.js';
import { KeyPaging } from './key-paging.js';

@Module({ providers: [KeyPaging, Cursors], exports: [KeyPaging, Cursors] })
export class ListsModule {}
