import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { NAME, VERSION } from '../config/version.js';
import { Access } from '../http/route-decorators.js';
import { ServiceDto } from './service.dto.js';

@ApiTags('Health')
@Controller()
export class ServiceInfoController {
  @Get()
  @Access('public')
  @ApiOperation({ summary: 'Get service information', description: 'Name and version of the service.' })
  getServiceInfo(): ServiceDto {
    return { name: NAME, version: VERSION, docs: '/docs' };
  }
}
