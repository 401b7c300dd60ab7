import { Command } from 'commander';
import { VERSION } from '../config/version.js';
import { reportError } from './exit-codes.js';

const EPILOGUE = `
The configuration comes from the environment and .env, as for the service.

Exit codes:
  0   success
  1   the command failed, or a check found a problem
  2   the command line or the input is invalid
  78  the configuration is invalid, or the database cannot be adopted as it is`;

// without a listener, a reader that ends early, such as `head`, would end the command with a stack
process.stdout.on('error', () => undefined);

let exitCode = 0;
const program = new Command('crm')
  .description('Operator commands for crm-service')
  .version(VERSION)
  .exitOverride()
  .addHelpText('afterAll', EPILOGUE);

const admin = program.command('admin').description('manage admins');

admin
  .command('create <email>')
  .description('create an admin; prompts for the password, or reads it from a pipe')
  .option('--name <name>', 'first name', 'New')
  .option('--surname <surname>', 'surname', 'Admin')
  .option('--invite', 'print a single-use invitation instead, with which the admin chooses a password')
  .option('--promote', 'promote an existing user with this e-mail to admin; the password stays the same')
  .addHelpText(
    'after',
    `
Examples:
  npm run crm -- admin create carla@example.com --name Carla --surname Núñez
  npm run crm -- admin create carla@example.com --invite
  pass show crm | npm run -s crm -- admin create carla@example.com
  npm run crm -- admin create carla@example.com --promote`,
  )
  // actions load their code on demand, so that help is fast
  .action(async (email: string, options: { name: string; surname: string; invite?: true; promote?: true }) => {
    const { createAdmin } = await import('./create-admin.js');
    await createAdmin(email, options);
  });

admin
  .command('reset <email>')
  .description('print a single-use password reset for an admin who cannot sign in')
  .addHelpText(
    'after',
    `
The reset works for 24 hours. Other admins can issue it through the API: POST /users/:id/password-reset.

Example:
  npm run crm -- admin reset carla@example.com`,
  )
  .action(async (email: string) => (await import('./reset-admin.js')).resetAdmin(email));

const migrate = program
  .command('migrate')
  .description('manage the database schema; concurrent runs wait for each other')
  .addHelpText(
    'after',
    `
Examples:
  npm run crm -- migrate            before a new version receives traffic
  npm run crm -- migrate status
  npm run crm -- migrate check      in a pipeline
  npm run crm -- migrate down`,
  );

migrate
  .command('up', { isDefault: true })
  .description('apply pending migrations')
  .action(async () => (await import('./migrations.js')).applyMigrations());

migrate
  .command('down')
  .description(
    'roll back the last migration and delete the data in what it added; the previous version must support the result',
  )
  .option('--delete-everything', 'also roll back the first migration, which drops the tables of customers and users')
  .action(async ({ deleteEverything = false }: { deleteEverything?: boolean }) =>
    (await import('./migrations.js')).rollBackMigration(deleteEverything),
  );

migrate
  .command('status')
  .description('list applied and pending migrations; changes nothing')
  .action(async () => (await import('./migrations.js')).listMigrations());

migrate
  .command('check')
  .description('fail if a migration is pending or the schema differs from the code; changes nothing')
  .action(async () => {
    exitCode = await (await import('./migrations.js')).checkSchema();
  });

program
  .command('import <file>')
  .description('create or update customers from a CSV or NDJSON file; rows that are refused go to <file>.rejected.csv')
  .option('--on-conflict <action>', 'for e-mails of existing customers: skip, update or fail', 'skip')
  .option('--country <code>', 'country of phone numbers without a country code, such as ES')
  .option('--encoding <name>', 'encoding of the file, such as windows-1252; default: by its byte order mark, or UTF-8')
  .option('--delimiter <character>', 'delimiter of the file: , ; | or tab; default: found in the header')
  .option('--dry-run', 'show what would happen and change nothing')
  .option('--as <email>', 'the user whom the customers name as their creator; default: the first admin')
  .addHelpText(
    'after',
    `
The first line names the columns; the headers of Google Contacts, Outlook and HubSpot are known. Importing a file again
changes nothing and finishes what was left. Exits with 1 if a row was refused.

Examples:
  npm run crm -- import contacts.csv --dry-run
  npm run crm -- import contacts.csv --on-conflict update --country ES --encoding windows-1252`,
  )
  .action(async (file: string, options: Record<string, string>) => {
    exitCode = await (await import('./import-customers.js')).importCustomers(file, options);
  });

program
  .command('export [file]')
  .description('write customers to a file, or to standard output')
  .option('--format <format>', 'csv or ndjson', 'csv')
  .option('--q <words>', 'only customers whose name, surname, e-mail, company or phone has words that start so')
  .option('--email <email>', 'only the customer with this e-mail')
  .option('--name <name>', 'only customers with this name; case and accents do not matter')
  .option('--surname <surname>', 'only customers with this surname')
  .option('--company <company>', 'only customers of this company')
  .option('--phone <phone>', 'only customers with this phone number (E.164)')
  .option('--has-photo <boolean>', 'true: only customers with a photo; false: only those without')
  .option('--created-by <id>', 'only customers that this user created')
  .option('--created-since <time>', 'only customers that were created at this time (RFC 3339) or later')
  .option('--modified-since <time>', 'only customers that were changed at this time (RFC 3339) or later')
  .option('--deleted <boolean>', 'true: only deleted customers')
  .option('--sort <order>', 'id, name, surname, email, createdAt or lastModifiedAt; with - in front: descending')
  .addHelpText(
    'after',
    `
Examples:
  npm run crm -- export customers.csv
  npm run -s crm -- export --format ndjson --modified-since 2026-11-01T00:00:00Z | gzip > changed.ndjson.gz`,
  )
  .action(async (file: string | undefined, options: Record<string, string>) =>
    (await import('./export-customers.js')).exportCustomers(file, options),
  );

program
  .command('seed')
  .description('fill an empty database with invented customers, to try lists and search')
  .option('--customers <number>', 'how many', '200')
  .option('--force', 'also if the database has customers')
  .action(async (options: { customers: string; force?: true }) =>
    (await import('./seed-customers.js')).seedCustomers(options),
  );

program
  .command('photos')
  .description('manage photos of customers')
  .command('sweep')
  .description(
    'remove photos that no customer refers to; the service also does so daily, and both may run at the same time',
  )
  .action(async () => (await import('./sweep-photos.js')).sweepPhotos());

program
  .command('doctor')
  .description('check everything that the service depends on, and print how to fix problems')
  .addHelpText(
    'after',
    `
Prints one line per check: ok, FAILED followed by a fix, or "-" if it is not configured or could not be checked. It stores,
reads and removes one object in the photo storage; otherwise it changes nothing. It never prints a secret.

Examples:
  npm run crm -- doctor
  docker run --env-file .env crm-service node dist/src/cli/main.js doctor`,
  )
  .action(async () => {
    exitCode = await (await import('./doctor.js')).runDoctor();
  });

try {
  await program.parseAsync();
} catch (error) {
  exitCode = reportError(error);
}
// do not wait for connections that are still open
process.exit(exitCode);
