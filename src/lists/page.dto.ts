import { ApiProperty, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ description: 'Where a list goes on.' })
export class PageDto {
  /**
   * `cursor` of the next page; null on the last page.
   * @example null
   */
  next: string | null;

  /** Only with `count=true`: the number of records on all pages. */
  total?: TotalDto;
}

@ApiSchema({ description: 'The number of records on all pages.' })
export class TotalDto {
  /**
   * At most 10,000.
   * @example 1
   */
  value: number;

  /** `at_least`: counting stopped at 10,000, and there are more. */
  @ApiProperty({ enum: ['exact', 'at_least'] })
  relation: 'exact' | 'at_least';
}
