import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { CUSTOMER_ACTIONS, type CustomerAction } from '../history/actions.js';
import { BeforeAndAfter, HistoryEntryDto, type Pair } from '../history/history.dto.js';
import { PageDto } from '../lists/page.dto.js';

@ApiSchema({ description: 'For each changed field of a customer, the value before and the value after.' })
export class CustomerChangesDto {
  @BeforeAndAfter('E-mail.')
  email?: Pair<string>;

  @BeforeAndAfter('Name.')
  name?: Pair<string>;

  @BeforeAndAfter('Surname.')
  surname?: Pair<string>;

  @BeforeAndAfter('Phone number (E.164).')
  phone?: Pair<string>;

  @BeforeAndAfter('Company.')
  company?: Pair<string>;

  @BeforeAndAfter('Notes.')
  notes?: Pair<string>;

  @BeforeAndAfter('A hash of the photo, or the URL of a photo of the previous service: the URLs of photos expire.')
  photo?: Pair<string>;

  @BeforeAndAfter('Time of deletion.', { type: ['string', 'null'], format: 'date-time' })
  deletedAt?: Pair<string>;

  @BeforeAndAfter('Id of the customer that this one was merged into.', { type: ['integer', 'null'] })
  mergedInto?: Pair<number>;
}

@ApiSchema({ description: 'A change of a customer.' })
export class CustomerHistoryEntryDto extends HistoryEntryDto {
  /** What the change was. */
  @ApiProperty({ enum: CUSTOMER_ACTIONS, enumName: 'CustomerAction', example: 'updated' })
  override action: CustomerAction;

  /** For each changed field, the value before and the value after. Empty for erased customers. */
  @ApiProperty({ example: { surname: ['Garcia', 'García'] } })
  override changes: CustomerChangesDto;
}

@ApiSchema({ description: 'A page of the changes of a customer.' })
export class CustomerHistoryPageDto {
  /** The changes of this page. */
  data: CustomerHistoryEntryDto[];

  /** Where the list goes on. */
  page: PageDto;
}
