import { Problem } from '../../problems/problem.js';

/** What a column can fill: a member of the customer, or both names at once. */
export type Member = 'email' | 'name' | 'surname' | 'fullName' | 'phone' | 'company' | 'notes';

/**
 * Headers of our export and of those of Google Contacts, Outlook, HubSpot and others, without punctuation and case. Of
 * several columns for one member, the first with a value counts.
 */
const HEADERS: Record<Exclude<Member, 'fullName'>, string[]> = {
  email: [
    ...['email', 'mail', 'emailaddress', 'emailaddresses', 'primaryemail', 'workemail', 'contactemail'],
    ...numbered(['email#', 'email#value', 'email#address', 'emailaddress#']),
  ],
  name: ['firstname', 'givenname', 'first', 'forename'],
  surname: ['surname', 'lastname', 'familyname', 'last'],
  phone: [
    ...['phone', 'phonenumber', 'telephone', 'telephonenumber', 'tel', 'mobile', 'mobilephone', 'mobilephonenumber'],
    ...['cell', 'cellphone', 'mobilenumber', 'primaryphone', 'businessphone', 'homephone', 'companymainphone'],
    ...['companyphone', 'workphone', 'otherphone', 'carphone'],
    ...numbered(['phone#', 'phone#value', 'homephone#', 'businessphone#']),
  ],
  company: [
    ...['company', 'companyname', 'organization', 'organizationname', 'organisation', 'organisationname'],
    ...['associatedcompany', 'accountname', ...numbered(['organization#name'])],
  ],
  notes: ['notes', 'note', 'comments', 'comment'],
};
const MEMBERS = new Map(
  Object.entries(HEADERS).flatMap(([member, headers]) => headers.map((header) => [header, member as Member])),
);
const FULL_NAMES = ['name', 'fullname', 'displayname'];

export interface Columns {
  /** The member of each column, by its position; undefined for ignored ones. */
  members: Array<Member | undefined>;
  /** The headers of the columns that are read, with their member. */
  used: Record<string, string>;
  ignored: string[];
}

export function readHeader(header: string[]): Columns {
  const keys = header.map(keyOf);
  const known = keys.map((key) => MEMBERS.get(key));
  // with a surname beside it, `Name` is the first name, as in our own export
  const isFirstName = known.includes('surname') && !known.includes('name');
  const members = known.map(
    (member, index) => member ?? (FULL_NAMES.includes(keys[index]!) ? nameOf(keys[index]!, isFirstName) : undefined),
  );
  if (!members.includes('email'))
    throw Problem.invalid([
      {
        pointer: '',
        code: 'no_email_column',
        message: 'The first line must name the columns, one of them `email` or another known name of it.',
      },
    ]);
  const names = header.map((name) => name.trim());
  const entries = members.flatMap((member, index) =>
    member ? [[names[index]!, member === 'fullName' ? 'name, surname' : member]] : [],
  );
  return {
    members,
    used: Object.fromEntries(entries) as Record<string, string>,
    // trailing empty columns have no name to report
    ignored: [...new Set(names.filter((name, index) => name !== '' && !members[index]))],
  };
}

const nameOf = (key: string, isFirstName: boolean): Member => (isFirstName && key === 'name' ? 'name' : 'fullName');

export const keyOf = (header: string): string =>
  header
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');

function numbered(patterns: string[]): string[] {
  return patterns.flatMap((pattern) =>
    Array.from({ length: 9 }, (_, index) => pattern.replace('#', String(index + 1))),
  );
}
