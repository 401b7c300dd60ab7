import { Module } from '@nestjs/common';
import { StaleRows } from './stale-rows.js';

@Module({ providers: [StaleRows], exports: [StaleRows] })
export class SearchModule {}
