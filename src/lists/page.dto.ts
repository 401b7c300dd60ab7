import { ApiProperty } from '@nestjs/swagger';

/** Pagination */
export class PageDto {
  /** `cursor` of the next page; null on the last page. */
  next: string | null;

  /** Only with `count=true`: the number of records on all pages. */
  total?: TotalDto;
}

export class TotalDto {
  /** @example 10000 */
  value: number;

  /** `at_least`: counting stopped at 10,000, and there are more. */
  @ApiProperty({ enum: ['exact', 'at_least'] })
  relation: 'exact' | 'at_least';
}
