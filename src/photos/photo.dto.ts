import { ApiProperty, ApiSchema } from '@nestjs/swagger';
@ApiSchema({
  description:
    'A photo, ready for an `<img>`. The URLs are valid for at least 18 hours; read the customer again for new ones.',
})
export class PhotoDto {
  /**
   * URL of the photo, at most 2048 pixels wide and high.
   * @example 'https://crm.example.org/photos/1/0123456789abcdef.webp?expires=1798761600&signature=c2lnbmVk'
   */
  @ApiProperty({ format: 'uri' })
  url: string;

  /**
   * URL of the thumbnail, at most 256 pixels wide and high.
   * @example 'https://crm.example.org/photos/1/fedcba9876543210.webp?expires=1798761600&signature=c2lnbmVk'
   */
  @ApiProperty({ format: 'uri' })
  thumbnailUrl: string;

  /** Width of `url` in pixels; null for photos of the previous service, which stored no dimensions. */
  width: number | null;

  /** Height of `url` in pixels; null for photos of the previous service. */
  height: number | null;
}
