import { mailboxOf } from './mailbox.js';

describe('a mailbox', () => {
  it.each([
    ['ana.maria+crm@gmail.com', 'anamaria@gmail.com'],
    ['AnaMaria@GoogleMail.com', 'anamaria@gmail.com'],
    ['ana.maria+crm@example.com', 'ana.maria@example.com'],
    ['+49171@example.com', '+49171@example.com'],
    ['ana.maria@gmial.com', 'anamaria@gmail.com'],
    ['ana@gmal.com', 'ana@gmail.com'],
    ['ana@ggmail.com', 'ana@gmail.com'],
    ['ana@gmail.con', 'ana@gmail.com'],
    ['ana@goglemail.com', 'ana@gmail.com'],
    ['ana@hotmial.com', 'ana@hotmail.com'],
    ['ana@outlok.com', 'ana@outlook.com'],
    ['ana@yahooo.com', 'ana@yahoo.com'],
    ['ana@iclould.com', 'ana@icloud.com'],
    ['ana@gmc.de', 'ana@gmx.de'],
    ['ana@yaho.co.uk', 'ana@yahoo.co.uk'],
  ])('of %s is %s', (email, mailbox) => expect(mailboxOf(email)).toBe(mailbox));

  it.each([
    'mail.com',
    'ymail.com',
    'cloud.com',
    'hotmail.be',
    'hotmail.se',
    'gmx.fr',
    'gmial.org',
    'gnail.net',
    'acme.com',
  ])('leaves %s alone', (domain) => expect(mailboxOf(`ana@${domain}`)).toBe(`ana@${domain}`));

  it('is null for text that is no e-mail', () => {
    expect([mailboxOf(''), mailboxOf('ana'), mailboxOf('@example.com')]).toEqual([null, null, null]);
  });
});
