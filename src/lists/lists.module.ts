import { Module } from '@nestjs/common';
import { KeyPaging } from './key-paging.js';

@Module({ providers: [KeyPaging], exports: [KeyPaging] })
export class ListsModule {}
