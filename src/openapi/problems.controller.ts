import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiParam, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { prefers } from '../http/accept.js';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { ADVICE } from '../problems/advice.js';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { ProblemTypeDto, ProblemTypesDto } from '../problems/problem.dto.js';
import { Problem } from '../problems/problem.js';
import { renderProblemIndex, renderProblemPage } from '../problems/problem-pages.js';

/** The pages load nothing; their style is in them. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

const CODES = Object.keys(PROBLEMS) as ProblemCode[];
const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(PROBLEMS, code);

/** JSON for programs, and a page for browsers: `Accept: text/html`. */
const ApiJsonOrPage = (dto: typeof ProblemTypeDto | typeof ProblemTypesDto): MethodDecorator =>
  ApiResponse({
    status: 200,
    description: 'JSON, or with `Accept: text/html` a page for people.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(dto) } },
      'text/html': { schema: { type: 'string' } },
    },
  });

@ApiTags('Health')
@ApiExtraModels(ProblemTypeDto, ProblemTypesDto)
@Controller('problems')
export class ProblemsController {
  /**
   * List the codes of problems
   *
   * What each of them means, and what to do about it.
   */
  @Get()
  @Access('public')
  @ApiJsonOrPage(ProblemTypesDto)
  listProblemTypes(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): unknown {
    if (wantsPage(request, reply)) return renderProblemIndex();
    return { data: CODES.map(describe) } satisfies ProblemTypesDto;
  }

  /**
   * Get the documentation of a problem
   *
   * The `type` of every problem document links to it.
   */
  @Get(':code')
  @Access('public')
  @ApiProblems('not_found')
  @ApiParam({ name: 'code', enum: CODES, enumName: 'ProblemCode', description: 'Code of a problem.' })
  @ApiJsonOrPage(ProblemTypeDto)
  getProblemType(
    @Param('code') code: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): unknown {
    if (!isProblemCode(code))
      throw new Problem('not_found', 'No problem has this code: GET /problems lists all codes.');
    return wantsPage(request, reply) ? renderProblemPage(code, request.publicOrigin) : describe(code);
  }
}

function wantsPage({ headers }: FastifyRequest, reply: FastifyReply): boolean {
  void reply.header('Vary', [reply.getHeader('vary') ?? [], 'Accept'].flat().join(', '));
  if (!prefers('text/html', headers.accept)) return false;
  void reply.type('text/html; charset=utf-8').header('Content-Security-Policy', PAGE_POLICY);
  return true;
}

function describe(code: ProblemCode): ProblemTypeDto {
  const { status, title, description } = PROBLEMS[code];
  return { code, status, title, description, advice: ADVICE[code] };
}
