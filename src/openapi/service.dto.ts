import { ApiProperty } from '@nestjs/swagger';

export class ServiceDto {
  /** @example 'crm-service' */
  name: string;

  /** @example '1.0.0' */
  version: string;

  /** Path of the API documentation. */
  @ApiProperty({ example: '/docs' })
  docs: string;
}
