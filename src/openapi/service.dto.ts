import { ApiProperty } from '@nestjs/swagger';

export class ServiceDto {
  /** @example 'crm-service' */
  name: string;

  /** @example '1.0.0' */
  version: string;

  /** Where the documentation is. */
  @ApiProperty({ example: '/docs' })
  docs: string;
}
