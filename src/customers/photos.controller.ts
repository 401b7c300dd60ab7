import { Controller, Delete, Get, Param, Put, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Context, IfMatch, PublicOrigin, type RequestContext } from '../http/request-context.js';
import { Access, ApiIfMatch, ApiProblems } from '../http/route-decorators.js';
import { PhotoQuery } from '../photos/photo.query.js';
import { ApiPhotoBody } from '../photos/photo-decorators.js';
import { PhotoUploadInterceptor, RequiredPhoto } from '../photos/photo-upload.interceptor.js';
import type { Upload } from '../photos/upload.js';
import { IdPipe } from '../validation/id.pipe.js';
import type { VersionCondition } from '../writes/version-condition.js';
import { CustomerDto } from './customer.dto.js';
import { CustomerMapper } from './customer.mapper.js';
import { CustomerPhotosService } from './customer-photos.service.js';

/** Blocks scripts and everything else in case a browser shows the response as a page. */
const IMAGE_POLICY = "default-src 'none'; sandbox";

@Controller()
export class PhotosController {
  constructor(
    private readonly photos: CustomerPhotosService,
    private readonly mapper: CustomerMapper,
  ) {}

  /** Set or replace a customer's photo */
  @Put('customers/:id/photo')
  @ApiTags('Customers')
  @Access('user')
  @ApiPhotoBody()
  @ApiIfMatch()
  @ApiProblems('customer_not_found', 'customer_erased')
  @UseInterceptors(PhotoUploadInterceptor)
  async setCustomerPhoto(
    @Context() context: RequestContext,
    @Param('id', IdPipe) id: number,
    @RequiredPhoto() upload: Upload,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @PublicOrigin() origin: string,
  ): Promise<CustomerDto> {
    return this.mapper.toDto(await this.photos.set(context, id, upload, expectedVersion), origin);
  }

  /** Delete a customer's photo */
  @Delete('customers/:id/photo')
  @ApiTags('Customers')
  @Access('user')
  @ApiIfMatch()
  @ApiProblems('customer_not_found', 'customer_erased')
  async deleteCustomerPhoto(
    @Context() context: RequestContext,
    @Param('id', IdPipe) id: number,
    @IfMatch() expectedVersion: VersionCondition | undefined,
    @PublicOrigin() origin: string,
  ): Promise<CustomerDto> {
    return this.mapper.toDto(await this.photos.clear(context, id, expectedVersion), origin);
  }

  /** Read a photo by its signed URL */
  @Get('photos/:id/:file')
  @ApiTags('Photos')
  @Access('public')
  @ApiResponse({ status: 200, content: { 'image/webp': { schema: { type: 'string', format: 'binary' } } } })
  @ApiProblems(
    'photo_not_found',
    'customer_erased',
    'storage_unavailable',
    'storage_forbidden',
    'storage_bucket_missing',
  )
  async getPhoto(
    @Param('id', IdPipe) id: number,
    @Param('file') file: string,
    @Query() { expires, signature }: PhotoQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { content, secondsLeft } = await this.photos.read({ id, file, expires, signature });
    await reply
      .headers({
        'Content-Type': 'image/webp',
        'Content-Security-Policy': IMAGE_POLICY,
        'Cache-Control': `private, max-age=${secondsLeft}, immutable`,
      })
      .send(content);
  }
}
