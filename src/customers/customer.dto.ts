import { ApiProperty, PartialType } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { PageDto } from '../lists/page.dto.js';
import { PhotoDto } from '../photos/photo.dto.js';
import {
  Email,
  Integer,
  MAX_ID,
  MultiLine,
  Name,
  OptionalNotNull,
  Phone,
  TimeParameter,
} from '../validation/fields.js';

export class CreateCustomerDto {
  /** Unique among active customers. Trimmed and lower-cased. */
  @Email()
  email: string;

  /** @example 'Ana María' */
  @Name(120)
  name: string;

  /** @example 'de la Cruz' */
  @Name(120)
  surname: string;

  /** International phone number (E.164). */
  @IsOptional()
  @Phone()
  phone?: string | null;

  /** @example 'Cruz & Hijos' */
  @IsOptional()
  @Name(120)
  company?: string | null;

  /** Text; line breaks are allowed. */
  @IsOptional()
  @MultiLine(5000)
  notes?: string | null;
}

/** The members to change; null clears an optional member. */
export class UpdateCustomerDto extends PartialType(CreateCustomerDto, { skipNullProperties: false }) {}

export class RevertCustomerDto {
  /** Version whose fields the customer gets. The history lists all of them. */
  @Integer(1, MAX_ID)
  version: number;
}

export class CustomerQuery {
  /**
   * Returns the customer as it was at this time (RFC 3339, with a UTC offset or `Z`): fields, version and ETag. `photo` is
   * null unless it is the present photo. A future time is now.
   */
  @OptionalNotNull()
  @TimeParameter()
  asOf?: Date;
}

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

  /** Id of the user who created the customer. */
  createdBy: number;

  /** Id of the user who last changed the customer. */
  lastModifiedBy: number;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  lastModifiedAt: string;

  /** Increases by one with every change. The ETag contains it. */
  version: number;

  /** Time of deletion; null for an active customer. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  deletedAt: string | null;

  /**
   * Id of the customer that this one was merged into, which deleted it. Restoring undoes the merge.
   * @example null
   */
  mergedInto: number | null;
}

export class CustomerPageDto {
  data: CustomerDto[];
  page: PageDto;
}
