import { isCommonPassword } from './common-passwords.js';

describe('a common password', () => {
  it.each([
    '12345678',
    'password',
    'Password1',
    ' sunshine ',
    'aaaaaaaa',
    '        ',
    'abababab',
    'xyz1xyz1',
    'abcdefgh',
    '87654321',
    'asdfghjkl',
    'CRM-Service1',
    'ana.maria',
    'AnaMaria2026!',
    'ana.maria@example.com',
  ])('is %j', (password) => {
    expect(isCommonPassword(password, 'ana.maria@example.com')).toBe(true);
  });

  it.each(['correct horse battery', 'battery staple', 'contraseña de Ana', 'zq7 x-k3', '🔑🔒🔑🔓🔑🗝🔑🔐'])(
    'is not %j',
    (password) => {
      expect(isCommonPassword(password, 'ana.maria@example.com')).toBe(false);
    },
  );

  it('is compared with an e-mail only if there is one', () => {
    expect(isCommonPassword('ana.maria.lopez')).toBe(false);
    expect(isCommonPassword('9!7!5!3!', '123@example.com')).toBe(false);
  });
});
