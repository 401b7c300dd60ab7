import type { CustomerDto } from '../customers/customer.dto.js';
import { defuseCell } from './parsing/spreadsheet-cells.js';

const COLUMNS = [
  'id',
  'email',
  'name',
  'surname',
  'phone',
  'company',
  'notes',
  'photo',
  'createdBy',
  'lastModifiedBy',
  'createdAt',
  'lastModifiedAt',
  'version',
  'deletedAt',
  'mergedInto',
] as const satisfies Array<keyof CustomerDto>;

/** RFC 4180. Excel reads UTF-8 only with a byte order mark. */
const BYTE_ORDER_MARK = '\ufeff';
const LINE_BREAK = '\r\n';

export interface CsvWriter {
  header: string;
  write: (customers: CustomerDto[]) => string;
}

export async function createCsvWriter(): Promise<CsvWriter> {
  const write = await createLineWriter();
  return {
    header: BYTE_ORDER_MARK + write([[...COLUMNS]]),
    write: (customers) => write(customers.map(cellsOf)),
  };
}

/** Writes lines of cells; those that a spreadsheet would execute are defused. */
export async function createLineWriter(): Promise<(lines: string[][]) => string> {
  const { stringify } = await import('csv-stringify/sync');
  // by default only the whole line break is quoted
  const options = { record_delimiter: LINE_BREAK, quoted_match: /[\r\n]/ };
  return (lines) =>
    stringify(
      lines.map((cells) => cells.map(defuseCell)),
      options,
    );
}

function cellsOf(customer: CustomerDto): string[] {
  return COLUMNS.map((name) => {
    const value = customer[name];
    if (value === null || value === undefined) return '';
    return String(typeof value === 'object' ? value.url : value);
  });
}
