import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { ProblemTypeDto } from '../problems/problem.dto.js';
import { Problem } from '../problems/problem.js';

@ApiTags('Health')
@Controller('problems')
export class ProblemsController {
  @Get(':code')
  @Access('public')
  @ApiOperation({
    summary: 'Documentation of a problem code; `type` of a problem document links to it',
  })
  @ApiProblems('not_found')
  getProblemType(@Param('code') code: string): ProblemTypeDto {
    if (!Object.hasOwn(PROBLEMS, code)) throw new Problem('not_found');
    const { status, title, description } = PROBLEMS[code as ProblemCode];
    return { code, status, title, description };
  }
}
