/** A photo, ready for an `<img>`: its addresses need no header. They live for 18 hours at least: read them anew for later. */
export class PhotoDto {
  /**
   * At most 2048 pixels wide and high.
   * @example 'https://storage.googleapis.com/crm-photos/aB3dE5fG7hJ9kL1m'
   */
  url: string;

  /**
   * At most 256 pixels wide and high.
   * @example 'https://storage.googleapis.com/crm-photos/aB3dE5fG7hJ9kL1m'
   */
  thumbnailUrl: string;

  /** Pixels of `url`; null for photos of the service before this one, which did not measure them. */
  width: number | null;

  height: number | null;
}
