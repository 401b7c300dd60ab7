import { ApiProperty, ApiSchema, PartialType } from '@nestjs/swagger';
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

@ApiSchema({ description: 'A new customer.' })
export class CreateCustomerDto {
  /** Unique among active customers. Trimmed and lower-cased; the domain may be internationalized (IDNA). */
  @Email()
  email: string;

  /**
   * Name of the customer. Trimmed; all characters must be visible.
   * @example 'Ana María'
   */
  @Name(120)
  name: string;

  /**
   * Surname of the customer. Trimmed; all characters must be visible.
   * @example 'de la Cruz'
   */
  @Name(120)
  surname: string;

  /** International phone number (E.164). Blanks, dashes, dots, slashes and brackets are removed; a trunk zero in brackets must be one of the country. */
  @IsOptional()
  @Phone()
  phone?: string | null;

  /**
   * Company of the customer. Trimmed; all characters must be visible.
   * @example 'Cruz & Hijos'
   */
  @IsOptional()
  @Name(120)
  company?: string | null;

  /**
   * Text; line breaks are allowed.
   * @example 'Calls in the morning.'
   */
  @IsOptional()
  @MultiLine(5000)
  notes?: string | null;
}

@ApiSchema({ description: 'The members to change; null clears an optional member.' })
export class UpdateCustomerDto extends PartialType(CreateCustomerDto, { skipNullProperties: false }) {}

@ApiSchema({ description: 'The version to go back to.' })
export class RevertCustomerDto {
  /**
   * Version whose fields the customer gets. The history lists all of them.
   * @example 1
   */
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

@ApiSchema({ description: 'A customer.' })
export class CustomerDto {
  /**
   * Id of the customer.
   * @example 1
   */
  id: number;

  /**
   * E-mail of the customer, in lower case.
   * @example 'ana.maria@example.com'
   */
  email: string;

  /**
   * Name of the customer.
   * @example 'Ana María'
   */
  name: string;

  /**
   * Surname of the customer.
   * @example 'de la Cruz'
   */
  surname: string;

  /**
   * Phone number (E.164).
   * @example '+34600123456'
   */
  phone: string | null;

  /**
   * Company of the customer.
   * @example 'Cruz & Hijos'
   */
  company: string | null;

  /**
   * Text of several lines.
   * @example 'Calls in the morning.'
   */
  notes: string | null;

  /**
   * The photo; null if there is none.
   * @example null
   */
  photo: PhotoDto | null;

  /**
   * Id of the user who created the customer.
   * @example 1
   */
  createdBy: number;

  /**
   * Id of the user who last changed the customer.
   * @example 1
   */
  lastModifiedBy: number;

  /**
   * Time of creation.
   * @example '2026-11-01T09:30:00.000Z'
   */
  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  /**
   * Time of the last change.
   * @example '2026-11-01T09:30:00.000Z'
   */
  @ApiProperty({ format: 'date-time' })
  lastModifiedAt: string;

  /**
   * Increases by one with every change. The ETag contains it.
   * @example 1
   */
  version: number;

  /**
   * Time of deletion; null for an active customer.
   * @example null
   */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  deletedAt: string | null;

  /**
   * Id of the customer that this one was merged into, which deleted it. Restoring undoes the merge.
   * @example null
   */
  mergedInto: number | null;
}

@ApiSchema({ description: 'A page of customers.' })
export class CustomerPageDto {
  /** The customers of this page. */
  data: CustomerDto[];
  /** Where the list goes on. */
  page: PageDto;
}
