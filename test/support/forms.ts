/** Creates a form with a photo, as a browser sends it. */
export function form(fields: Record<string, unknown>, photo?: Uint8Array, name = 'photo.jpg'): FormData {
  const data = new FormData();
  for (const [field, value] of Object.entries(fields)) data.append(field, String(value));
  if (photo) data.append('photo', new Blob([photo], { type: 'image/jpeg' }), name);
  return data;
}

/** A photo as the typed client takes it. */
export const photoFile = (photo: Uint8Array): Blob => new Blob([photo], { type: 'image/jpeg' });
