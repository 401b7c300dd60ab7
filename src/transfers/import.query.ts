import { ApiPropertyOptional } from '@nestjs/swagger';
import type { OnConflict } from '../customers/customer-values.js';
import { BooleanParameter, IsOneOf, MatchesPattern, OptionalNotNull, SingleLine } from '../validation/fields.js';

export class ImportQuery {
  /**
   * What happens to a row whose e-mail an active customer has, or an earlier row of the file. `skip`: nothing; `update`:
   * its values replace those of the customer, empty ones change nothing; `fail`: it is reported.
   */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: 'skip' })
  @IsOneOf('skip', 'update', 'fail')
  onConflict?: OnConflict;

  /** `true`: the same events and sums, but nothing is changed. */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: false })
  @BooleanParameter()
  dryRun?: boolean;

  /**
   * Encoding of the file, such as `windows-1252`. Default: by the byte order mark, otherwise UTF-8.
   * @example 'windows-1252'
   */
  @OptionalNotNull()
  @SingleLine(40)
  encoding?: string;

  /** Delimiter of a CSV file: one of `,` `;` `|` and `tab`. Default: found in the header. */
  @OptionalNotNull()
  @MatchesPattern(/^([,;|\t]|tab)$/, 'Must be one of: , ; | tab.')
  delimiter?: string;

  /**
   * Country (ISO 3166-1 alpha-2) of phone numbers without a country code.
   * @example 'ES'
   */
  @OptionalNotNull()
  @MatchesPattern(/^[A-Za-z]{2}$/, 'Must be a country code (ISO 3166-1 alpha-2), such as ES.')
  country?: string;
}

export const delimiterOf = ({ delimiter }: { delimiter?: string }): string | undefined =>
  delimiter === 'tab' ? '\t' : delimiter;
