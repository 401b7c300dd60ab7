import { ApiProperty, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ description: 'Name and version of the service.' })
export class ServiceDto {
  /**
   * Name of the service.
   * @example 'crm-service'
   */
  name: string;

  /**
   * Version of the service.
   * @example '0.2.0'
   */
  version: string;

  /** Path of the API documentation. */
  @ApiProperty({ example: '/docs' })
  docs: string;
}
