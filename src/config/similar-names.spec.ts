import { similarName } from './similar-names.js';

const KNOWN = ['CORS_ORIGINS', 'DATABASE_URI', 'DOCS', 'GOOGLE_CLIENT_ID', 'HOST', 'JWT_SECRET', 'PORT', 'TLS'];

describe('the name that a misspelled one means', () => {
  it.each([
    ['DATABASE_URL', 'DATABASE_URI'],
    ['DATABSE_URI', 'DATABASE_URI'],
    ['database_uri', 'DATABASE_URI'],
    ['DATABASE-URI', 'DATABASE_URI'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['GOOGLE_CLIENTID', 'GOOGLE_CLIENT_ID'],
    ['JWT_SERCET', 'JWT_SECRET'],
    ['JWT_SCRT', 'JWT_SECRET'],
    ['PROT', 'PORT'],
    ['DOC', 'DOCS'],
  ])('%s is %s', (name, meant) => {
    expect(similarName(name, KNOWN)).toBe(meant);
  });

  it.each([
    'DATABASE_URI',
    'PORT',
    'FLASK_APP',
    'SECRET_KEY',
    'TZ',
    'PATH',
    'HOSTNAME',
    'POSIX',
    'GOOGLE_ANALYTICS_ID',
    '',
  ])('of %p is unknown', (name) => {
    expect(similarName(name, KNOWN)).toBeUndefined();
  });
});
