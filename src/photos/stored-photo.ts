/** The photo columns of a row. */
export interface StoredPhoto {
  photoKey: string | null;
  photoWidth: number | null;
  photoHeight: number | null;
  /** URL of a photo that the Flask service stored in its public bucket. */
  photoUrl: string | null;
}

export const photoOf = ({ photoKey, photoWidth, photoHeight, photoUrl }: StoredPhoto): StoredPhoto => ({
  photoKey,
  photoWidth,
  photoHeight,
  photoUrl,
});

export const NO_PHOTO: StoredPhoto = { photoKey: null, photoWidth: null, photoHeight: null, photoUrl: null };
