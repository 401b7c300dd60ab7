/** What a row says of its photo. */
export interface StoredPhoto {
  photoKey: string | null;
  photoWidth: number | null;
  photoHeight: number | null;
  /** The address that the Flask service gave it in its public bucket. */
  photoUrl: string | null;
}

export const NO_PHOTO: StoredPhoto = { photoKey: null, photoWidth: null, photoHeight: null, photoUrl: null };
