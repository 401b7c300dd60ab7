import { Command } from 'commander';
import { VERSION } from '../config/version.js';
import { report } from './exit-codes.js';

const EPILOGUE = `
Settings come from the environment and .env, as for the service.

Exit codes:
  0   done
  1   it failed, or a check found something
  2   the command line or its input is wrong
  78  the configuration is wrong`;

let exitCode = 0;
const program = new Command('crm')
  .description('What an operator of crm-service does beside it.')
  .version(VERSION)
  .exitOverride()
  .addHelpText('afterAll', EPILOGUE);

const admin = program.command('admin').description('those who manage users');

admin
  .command('create <email>')
  .description('make an admin; the password is asked for, or read from a pipe')
  .option('--name <name>', 'their name', 'New')
  .option('--surname <surname>', 'their surname', 'Admin')
  .option('--invite', 'print an invitation instead, with which they choose their own password, once')
  .option('--promote', 'if there is a user with this e-mail, make them an admin; they keep their password')
  .addHelpText(
    'after',
    `
Examples:
  npm run crm -- admin create carla@example.com --name Carla --surname Núñez
  npm run crm -- admin create carla@example.com --invite
  pass show crm | npm run -s crm -- admin create carla@example.com
  npm run crm -- admin create carla@example.com --promote`,
  )
  // what an action does is loaded when it is asked for: help is there at once
  .action(async (email: string, options: { name: string; surname: string; invite?: true; promote?: true }) => {
    const { createAdmin } = await import('./create-admin.js');
    await createAdmin(email, options);
  });

const migrate = program
  .command('migrate')
  .description('the schema of the database; one instance at a time, the others wait')
  .addHelpText(
    'after',
    `
Examples:
  npm run crm -- migrate            before traffic moves to a new version
  npm run crm -- migrate status
  npm run crm -- migrate check      in a pipeline
  npm run crm -- migrate down`,
  );

migrate
  .command('up', { isDefault: true })
  .description('apply what is pending')
  .action(async () => (await import('./migrations.js')).applyMigrations());

migrate
  .command('down')
  .description('take back the last one, and with it the data in what it added; the version before has to know the rest')
  .option('--delete-everything', 'also the first, which is the tables of customers and users themselves')
  .action(async ({ deleteEverything = false }: { deleteEverything?: boolean }) =>
    (await import('./migrations.js')).rollBackMigration(deleteEverything),
  );

migrate
  .command('status')
  .description('list what is applied and what is pending; changes nothing')
  .action(async () => (await import('./migrations.js')).listMigrations());

migrate
  .command('check')
  .description('fail if something is pending, or if the schema is not what the code expects; changes nothing')
  .action(async () => {
    exitCode = await (await import('./migrations.js')).checkSchema();
  });

program
  .command('photos')
  .description('the photos of customers')
  .command('sweep')
  .description('remove photos that no customer has; the service does so once a day, and running both at once is fine')
  .action(async () => (await import('./sweep-photos.js')).sweepPhotos());

program
  .command('doctor')
  .description('check all that the service needs, and say how to mend what it lacks')
  .addHelpText(
    'after',
    `
One line per check: ok, FAILED with how to mend it, or "-" for what is not set up or could not be checked. It puts an
object into the storage of photos, reads it and removes it; otherwise it changes nothing. It never prints a secret.

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
  exitCode = report(error);
}
// a connection that somebody keeps open is no reason to stay
process.exit(exitCode);
