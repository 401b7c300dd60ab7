import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Context, IfMatch, PublicOrigin, type RequestContext } from '../http/request-context.js';
import { Access, ApiIdempotencyKey, ApiIfMatch, ApiProblems } from '../http/route-decorators.js';
import { IdPipe } from '../validation/id.pipe.js';
import type { VersionCondition } from '../writes/version-condition.js';
import { CustomerDto } from './customer.dto.js';
import { CustomerMapper } from './customer.mapper.js';
import { DuplicateDto, DuplicateListDto } from './customer-duplicates.dto.js';
import { CustomerDuplicatesService } from './customer-duplicates.service.js';
import { MergeCustomerDto } from './customer-merge.dto.js';
import { CustomerMergeService } from './customer-merge.service.js';

@Controller('customers')
@ApiTags('Customers')
export class CustomerMergeController {
  constructor(
    private readonly duplicates: CustomerDuplicatesService,
    private readonly merges: CustomerMergeService,
    private readonly mapper: CustomerMapper,
  ) {}

  /**
   * List possible duplicates
   *
   * Customers that may be the same person, best first.
   */
  @Get(':id/duplicates')
  @Access('user')
  @ApiProblems('customer_not_found', 'customer_erased')
  async listDuplicates(@Param('id', IdPipe) id: number, @PublicOrigin() origin: string): Promise<DuplicateListDto> {
    const found = await this.duplicates.list(id);
    return { data: found.map((one) => DuplicateDto.from(one, this.mapper.toDto(one.customer, origin))) };
  }

  /**
   * Merge two customers
   *
   * Fills the empty fields of this customer from the other one, and deletes that. Restoring it undoes the merge.
   */
  @Post(':id/merge')
  @HttpCode(200)
  @Access('user')
  @ApiIfMatch()
  @ApiIdempotencyKey()
  @ApiProblems('customer_not_found', 'customer_erased')
  @ApiProblems('storage_unavailable', 'storage_full', 'storage_forbidden', 'storage_bucket_missing')
  async mergeCustomers(
    @Context() context: RequestContext,
    @Param('id', IdPipe) id: number,
    @Body() { from }: MergeCustomerDto,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @PublicOrigin() origin: string,
  ): Promise<CustomerDto> {
    return this.mapper.toDto(await this.merges.merge(context, { id, from, expectedVersion }), origin);
  }
}
