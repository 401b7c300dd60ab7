import { ApiProperty, PartialType } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { PageDto } from '../lists/page.dto.js';
import { PhotoDto } from '../photos/photo.dto.js';
import { Email, MultiLine, Phone, SingleLine } from '../validation/fields.js';

export class CreateCustomerDto {
  /** Unique among customers that are not deleted; trimmed and lower-cased. */
  @Email()
  email: string;

  /** @example 'Ana María' */
  @SingleLine(120)
  name: string;

  /** @example 'de la Cruz' */
  @SingleLine(120)
  surname: string;

  /** In the international format E.164. */
  @IsOptional()
  @Phone()
  phone?: string | null;

  /** @example 'Cruz & Hijos' */
  @IsOptional()
  @SingleLine(120)
  company?: string | null;

  /** Text of any number of lines. */
  @IsOptional()
  @MultiLine(5000)
  notes?: string | null;
}

/** The members to change; null clears one that is optional. */
export class UpdateCustomerDto extends PartialType(CreateCustomerDto, { skipNullProperties: false }) {}

export class CustomerDto {
  /** @example 7 */
  id: number;

  /** @example 'ana.maria@example.com' */
  email: string;

  /** @example 'Ana María' */
  name: string;

  /** @example 'de la Cruz' */
  surname: string;

  /** @example '+34600123456' */
  phone: string | null;

  /** @example 'Cruz & Hijos' */
  company: string | null;

  /** @example 'Calls in the morning.' */
  notes: string | null;

  photo: PhotoDto | null;

  /** The id of the user who created the customer. */
  createdBy: number;

  /** The id of the user who changed the customer last. */
  lastModifiedBy: number;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  lastModifiedAt: string;

  /** Rises by one with every change; the ETag names it. */
  version: number;

  /** Null unless deleted. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  deletedAt: string | null;
}

export class CustomerPageDto {
  data: CustomerDto[];
  page: PageDto;
}
