import { ApiProperty, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ description: 'The result of a health check.' })
export class HealthDto {
  /** `ok`; otherwise the response is a problem. */
  @ApiProperty({ enum: ['ok'] })
  status: 'ok';
}
