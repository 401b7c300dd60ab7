import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Context, IfMatch, PublicOrigin, type RequestContext } from '../http/request-context.js';
import { Access, ApiIdempotencyKey, ApiIfMatch, ApiProblems } from '../http/route-decorators.js';
import { IdPipe } from '../validation/id.pipe.js';
import type { VersionCondition } from '../writes/version-condition.js';
import { CustomerDto } from './customer.dto.js';
import { CustomerMapper } from './customer.mapper.js';
import { MergeCustomerDto } from './customer-merge.dto.js';
import { CustomerMergeService } from './customer-merge.service.js';

@Controller('customers')
@ApiTags('Customers')
export class CustomerMergeController {
  constructor(
    private readonly merges: CustomerMergeService,
    private readonly mapper: CustomerMapper,
  ) {}

  /** Merge another customer into this one, and delete the other; restoring the other undoes it */
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
