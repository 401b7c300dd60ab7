import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, UseInterceptors } from '@nestjs/common';
import { Context, IfMatch, PublicOrigin, type RequestContext } from '../http/request-context.js';
import { Access, ApiIdempotencyKey, ApiIfMatch, ApiIfNoneMatch, ApiProblems } from '../http/route-decorators.js';
import { PageQuery } from '../lists/list.query.js';
import { ApiFormWithPhoto } from '../photos/photo-decorators.js';
import { OptionalPhoto, PhotoUploadInterceptor } from '../photos/photo-upload.interceptor.js';
import type { Upload } from '../photos/upload.js';
import { IdPipe } from '../validation/id.pipe.js';
import type { VersionCondition } from '../writes/version-condition.js';
import { CreateCustomerDto, CustomerDto, CustomerPageDto, CustomerQuery, UpdateCustomerDto } from './customer.dto.js';
import { CustomerMapper } from './customer.mapper.js';
import { CustomerHistoryPageDto } from './customer-history.dto.js';
import { CustomerPhotosService } from './customer-photos.service.js';
import { CustomerRestoreService } from './customer-restore.service.js';
import { CustomerVersionsService } from './customer-versions.service.js';
import { CustomersService } from './customers.service.js';
import { ListCustomersQuery } from './list-customers.query.js';

@Controller('customers')
export class CustomersController {
  constructor(
    private readonly customers: CustomersService,
    private readonly photos: CustomerPhotosService,
    private readonly versions: CustomerVersionsService,
    private readonly restores: CustomerRestoreService,
    private readonly mapper: CustomerMapper,
  ) {}

  /**
   * List customers
   *
   * Newest first by default. All filters must match.
   */
  @Get()
  @Access('user')
  async listCustomers(@Query() query: ListCustomersQuery, @PublicOrigin() origin: string): Promise<CustomerPageDto> {
    return this.mapper.toPage(await this.customers.list(query), origin);
  }

  /**
   * Create a customer
   *
   * As JSON, or as a form with an optional photo.
   */
  @Post()
  @Access('user')
  @ApiIdempotencyKey()
  @ApiFormWithPhoto(CreateCustomerDto)
  @ApiProblems('email_taken', 'customer_erased')
  @UseInterceptors(PhotoUploadInterceptor)
  async createCustomer(
    @Context() context: RequestContext,
    @Body() customer: CreateCustomerDto,
    @OptionalPhoto() photo: Upload | undefined,
    @PublicOrigin() origin: string,
  ): Promise<CustomerDto> {
    return this.mapper.toDto(await this.photos.create(context, customer, photo), origin);
  }

  /**
   * Get a customer
   *
   * As it is, or with `asOf` as it was.
   */
  @Get(':id')
  @Access('user')
  @ApiIfNoneMatch()
  @ApiProblems('customer_not_found', 'customer_erased')
  async getCustomer(
    @Param('id', IdPipe) id: number,
    @Query() { asOf }: CustomerQuery,
    @PublicOrigin() origin: string,
  ): Promise<CustomerDto> {
    return this.mapper.toDto(await this.versions.get(id, asOf), origin);
  }

  /**
   * Change a customer
   *
   * A merge patch (RFC 7396): members that are left out stay as they are, null clears an optional one.
   */
  @Patch(':id')
  @Access('user')
  @ApiIfMatch()
  @ApiProblems('customer_not_found', 'customer_erased', 'email_taken')
  async updateCustomer(
    @Context() context: RequestContext,
    @Param('id', IdPipe) id: number,
    @Body() changes: UpdateCustomerDto,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @PublicOrigin() origin: string,
  ): Promise<CustomerDto> {
    return this.mapper.toDto(await this.customers.update(context, id, changes, expectedVersion), origin);
  }

  /**
   * Delete a customer
   *
   * The customer can be restored.
   */
  @Delete(':id')
  @HttpCode(204)
  @Access('user')
  @ApiIfMatch()
  @ApiProblems(
    'customer_not_found',
    'customer_erased',
    'storage_unavailable',
    'storage_full',
    'storage_forbidden',
    'storage_bucket_missing',
  )
  deleteCustomer(
    @Context() context: RequestContext,
    @Param('id', IdPipe) id: number,
    @IfMatch() expectedVersion: VersionCondition | undefined,
  ): Promise<void> {
    return this.photos.remove(context, id, expectedVersion);
  }

  /**
   * Restore a deleted customer
   *
   * Undoes a merge: the customer that stayed loses the values that it was filled with, unless they were changed
   * since. Changes nothing if the customer is not deleted.
   */
  @Post(':id/restore')
  @HttpCode(200)
  @Access('user')
  @ApiIfMatch()
  @ApiProblems('customer_not_found', 'customer_erased', 'email_taken')
  async restoreCustomer(
    @Context() context: RequestContext,
    @Param('id', IdPipe) id: number,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @PublicOrigin() origin: string,
  ): Promise<CustomerDto> {
    return this.mapper.toDto(await this.restores.restore(context, id, expectedVersion), origin);
  }

  /**
   * List the history of a customer
   *
   * Newest first, also of deleted and erased customers.
   */
  @Get(':id/history')
  @Access('user')
  @ApiProblems('customer_not_found')
  listCustomerHistory(@Param('id', IdPipe) id: number, @Query() query: PageQuery): Promise<CustomerHistoryPageDto> {
    return this.customers.listHistory(id, query);
  }
}
