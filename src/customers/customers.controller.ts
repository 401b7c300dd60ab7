import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, UseInterceptors } from '@nestjs/common';
import { Access, ApiIdempotencyKey, ApiIfMatch, ApiIfNoneMatch, ApiProblems } from '../http/route-decorators.js';
import { Context, PublicOrigin, type RequestContext } from '../http/request-context.js';
import { IdPipe } from '../validation/validation.pipe.js';
import { ListQuery, PageQuery } from '../lists/list.query.js';
import { ApiFormWithPhoto } from '../photos/photo-decorators.js';
import { PhotoUploadInterceptor, OptionalPhoto } from '../photos/photo-upload.interceptor.js';
import { HistoryPageDto } from '../history/history.dto.js';
import { CreateCustomerDto, CustomerDto, CustomerPageDto, UpdateCustomerDto } from './customer.dto.js';
import { CustomerPhotosService } from './customer-photos.service.js';
import { CustomersService } from './customers.service.js';

@Controller('customers')
export class CustomersController {
  constructor(
    private readonly customers: CustomersService,
    private readonly photos: CustomerPhotosService,
  ) {}

  /** List customers */
  @Get()
  @Access('user')
  list(@Query() query: ListQuery, @PublicOrigin() origin: string): Promise<CustomerPageDto> {
    return this.customers.list(query, origin);
  }

  /** Create a customer */
  @Post()
  @Access('user')
  @ApiIdempotencyKey()
  @ApiFormWithPhoto(CreateCustomerDto)
  @ApiProblems('email_taken')
  @UseInterceptors(PhotoUploadInterceptor)
  create(
    @Context() context: RequestContext,
    @Body() customer: CreateCustomerDto,
    @OptionalPhoto() photo: Buffer | undefined,
  ): Promise<CustomerDto> {
    return this.photos.create(context, customer, photo);
  }

  /** Read a customer */
  @Get(':id')
  @Access('user')
  @ApiIfNoneMatch()
  @ApiProblems('customer_not_found')
  get(@Param('id', IdPipe) id: number, @PublicOrigin() origin: string): Promise<CustomerDto> {
    return this.customers.get(id, origin);
  }

  /** Change some members of a customer (merge patch, RFC 7396) */
  @Patch(':id')
  @Access('user')
  @ApiIfMatch()
  @ApiProblems('customer_not_found', 'email_taken')
  update(
    @Context() context: RequestContext,
    @Param('id', IdPipe) id: number,
    @Body() changes: UpdateCustomerDto,
  ): Promise<CustomerDto> {
    return this.customers.update(context, id, changes);
  }

  /** Delete a customer, who can be restored */
  @Delete(':id')
  @HttpCode(204)
  @Access('user')
  @ApiIfMatch()
  @ApiProblems(
    'customer_not_found',
    'storage_unavailable',
    'storage_full',
    'storage_forbidden',
    'storage_bucket_missing',
  )
  remove(@Context() context: RequestContext, @Param('id', IdPipe) id: number): Promise<void> {
    return this.photos.remove(context, id);
  }

  /** Restore a deleted customer */
  @Post(':id/restore')
  @HttpCode(200)
  @Access('user')
  @ApiIfMatch()
  @ApiProblems('customer_not_found', 'email_taken')
  restore(@Context() context: RequestContext, @Param('id', IdPipe) id: number): Promise<CustomerDto> {
    return this.customers.restore(context, id);
  }

  /** What happened to a customer, newest first */
  @Get(':id/history')
  @Access('user')
  @ApiProblems('customer_not_found')
  history(@Param('id', IdPipe) id: number, @Query() query: PageQuery): Promise<HistoryPageDto> {
    return this.customers.history(id, query);
  }
}
