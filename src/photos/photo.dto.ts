/** A photo, ready for an `<img>`. The URLs are valid for at least 18 hours; read the customer again for new ones. */
export class PhotoDto {
  /**
   * URL of the photo, at most 2048 pixels wide and high.
   * @example 'https://storage.googleapis.com/crm-photos/aB3dE5fG7hJ9kL1m'
   */
  url: string;

  /**
   * URL of the thumbnail, at most 256 pixels wide and high.
   * @example 'https://storage.googleapis.com/crm-photos/aB3dE5fG7hJ9kL1m'
   */
  thumbnailUrl: string;

  /** Width of `url` in pixels; null for photos of the previous service, which stored no dimensions. */
  width: number | null;

  /** Height of `url` in pixels; null for photos of the previous service. */
  height: number | null;
}
