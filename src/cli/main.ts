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
