import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtension, getSchemaPath } from '@nestjs/swagger';
import { FORM_TYPE, OTHER_PHOTO_TYPES, PHOTO_TYPES } from '../http/media-types.js';
import { ApiProblems, BODY_CONTENT } from '../http/route-decorators.js';

const BYTES = { type: 'string', format: 'binary' };
const FILE = { ...BYTES, description: 'A JPEG, PNG or WebP of at most 10 MiB.' };
const PHOTO = { type: 'object', properties: { photo: FILE } };
const encoding = { photo: { contentType: PHOTO_TYPES.join(', ') } };

const ApiPhotoProblems = (): MethodDecorator =>
  applyDecorators(
    ApiProblems('invalid_image', 'image_too_large', 'unsupported_image', 'overloaded'),
    ApiProblems('storage_unavailable', 'storage_full', 'storage_forbidden', 'storage_bucket_missing'),
  );

/** Documents a body that is a photo, either in a form or as the whole body. */
export function ApiPhotoBody(): MethodDecorator {
  const form = { schema: { ...PHOTO, required: ['photo'] }, encoding };
  const image = Object.fromEntries([...PHOTO_TYPES, ...OTHER_PHOTO_TYPES].map((type) => [type, { schema: BYTES }]));
  return applyDecorators(ApiExtension(BODY_CONTENT, { [FORM_TYPE]: form, ...image }), ApiPhotoProblems());
}

/** Documents a form with the members of `model` and an optional photo, as alternative to JSON. */
export function ApiFormWithPhoto(model: Type): MethodDecorator {
  const form = { schema: { allOf: [{ $ref: getSchemaPath(model) }, PHOTO] }, encoding };
  return applyDecorators(ApiExtension(BODY_CONTENT, { [FORM_TYPE]: form }), ApiPhotoProblems());
}
