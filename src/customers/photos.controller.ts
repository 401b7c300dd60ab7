import { Controller, Delete, Get, Param, Put, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Context, IfMatch, PublicOrigin, type RequestContext } from '../http/request-context.js';
import { Access, ApiIfMatch, ApiProblems } from '../http/route-decorators.js';
import { PhotoQuery } from '../photos/photo.query.js';
import { ApiPhotoBody } from '../photos/photo-decorators.js';
import { PHOTO_FILE } from '../photos/photo-keys.js';
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

  /**
   * Set the photo of a customer
   *
   * As a form, or with the image as the whole body. It is turned upright and stored as WebP without metadata.
   */
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

  /**
   * Delete the photo of a customer
   *
   * Changes nothing if there is none.
   */
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

  /**
   * Get a photo
   *
   * By its signed URL, which needs no access token and expires.
   */
  @Get('photos/:id/:file')
  @ApiTags('Photos')
  @ApiParam({
    name: 'file',
    description: 'Name of the file, as in the URL of the photo.',
    schema: {
      type: 'string',
      pattern: PHOTO_FILE.source,
      example: `${'0123456789abcdef'.repeat(2)}-${'fedcba9876543210'.repeat(2)}.webp`,
    },
  })
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
