import { ApiProperty } from '@nestjs/swagger';

/** Where a list goes on. */
export class PageDto {
  /** Send it as `cursor` for the next page; null on the last one. */
  next: string | null;

  /** With `count=true`: how many there are in all. */
  total?: TotalDto;
}

export class TotalDto {
  /** @example 10000 */
  value: number;

  /** Counting stops at 10,000: then there are at least as many. */
  @ApiProperty({ enum: ['exact', 'at_least'] })
  relation: 'exact' | 'at_least';
}
