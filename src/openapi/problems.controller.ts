import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { ProblemTypeDto } from '../problems/problem.dto.js';
import { Problem } from '../problems/problem.js';

const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(PROBLEMS, code);

@ApiTags('Health')
@Controller('problems')
export class ProblemsController {
  @Get(':code')
  @Access('public')
  @ApiOperation({
    summary: 'Get the documentation of a problem',
    description: 'The `type` of every problem document links to it.',
  })
  @ApiProblems('not_found')
  @ApiParam({ name: 'code', enum: Object.keys(PROBLEMS), enumName: 'ProblemCode', description: 'Code of a problem.' })
  getProblemType(@Param('code') code: string): ProblemTypeDto {
    if (!isProblemCode(code)) throw new Problem('not_found');
    const { status, title, description } = PROBLEMS[code];
    return { code, status, title, description };
  }
}
