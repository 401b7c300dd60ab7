import type { QueryRunner } from 'typeorm';
import { isSqlite } from './ddl.js';

const UNKNOWN = `'1970-01-01 00:00:00'`;

/**
 * MySQL accepts dates that do not exist, depending on its `sql_mode`, and MySQL 5.7 and the Flask service accept empty
 * strings where they mean null. Dates are repaired to the first or last day that they can mean. A date that is unknown
 * becomes null; that of a customer, which cannot be null, the other date of the row, or else 1970.
 */
export async function repairLegacyValues(runner: QueryRunner): Promise<void> {
  // the embedded database was never the Flask service's
  if (isSqlite(runner)) return;
  await repairDate(runner, 'users', 'created_at', 'NULL');
  await repairDate(runner, 'users', 'modified_at', 'NULL');
  const modified = `CASE WHEN ${isImpossible('last_modified_at')} THEN ${UNKNOWN} ELSE last_modified_at END`;
  await repairDate(runner, 'customers', 'created_at', modified);
  await repairDate(runner, 'customers', 'last_modified_at', 'created_at');
  await runner.query(`UPDATE customers SET photo_url = NULL WHERE TRIM(photo_url) = ''`);
  await runner.query(`UPDATE users SET password_hash = NULL WHERE password_hash = ''`);
  await runner.query(`UPDATE users SET email = NULL WHERE TRIM(email) = ''`);
  // everything but 0 is true
  await runner.query('UPDATE users SET admin = 1 WHERE admin NOT IN (0, 1)');
  for (const table of ['users', 'customers'])
    await runner.query(`UPDATE ${table} SET is_deleted = 1 WHERE is_deleted NOT IN (0, 1)`);
}

async function repairDate(runner: QueryRunner, table: string, column: string, unknown: string): Promise<void> {
  const text = `CAST(${column} AS CHAR)`;
  const month = `CONCAT(SUBSTRING(${text}, 1, 5), LPAD(GREATEST(MONTH(${column}), 1), 2, '0'), '-')`;
  const lastDay = `DAYOFMONTH(LAST_DAY(CONCAT(${month}, '01')))`;
  const day = `LPAD(LEAST(GREATEST(DAYOFMONTH(${column}), 1), ${lastDay}), 2, '0')`;
  await runner.query(
    `UPDATE ${table} SET ${column} =
       CASE WHEN YEAR(${column}) = 0 THEN ${unknown} ELSE CONCAT(${month}, ${day}, SUBSTRING(${text}, 11)) END
      WHERE ${isImpossible(column)}`,
  );
}

/** A month or day of 0, or a day after the end of its month. False for null. */
function isImpossible(column: string): string {
  const [year, month, day] = [`YEAR(${column})`, `MONTH(${column})`, `DAYOFMONTH(${column})`];
  const isLeapYear = `(${year} % 4 = 0 AND (${year} % 100 <> 0 OR ${year} % 400 = 0))`;
  return `(${month} = 0 OR ${day} = 0 OR (${month} IN (4, 6, 9, 11) AND ${day} = 31)
    OR (${month} = 2 AND (${day} > 29 OR (${day} = 29 AND NOT ${isLeapYear}))))`;
}
