import { Injectable } from '@nestjs/common';
import type { PhotoDto } from './photo.dto.js';

/** Where photos are. So far those of the Flask service, whose addresses are public and stand in the row. */
@Injectable()
export class PhotosService {
  describe(photoUrl: string | null): PhotoDto | null {
    return photoUrl === null ? null : { url: photoUrl, thumbnailUrl: photoUrl, width: null, height: null };
  }
}
