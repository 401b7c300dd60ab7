import { splitFullName } from './full-names.js';

describe('a full name', () => {
  it.each([
    ['Ana López', 'Ana', 'López'],
    ['  Ana  María   de la Cruz ', 'Ana María', 'de la Cruz'],
    ['de la Cruz, Ana María', 'Ana María', 'de la Cruz'],
    ['Ludwig van Beethoven', 'Ludwig', 'van Beethoven'],
    // a particle never takes the only word left for the name
    ['Van Morrison', 'Van', 'Morrison'],
    ['王小明', '小明', '王'],
    ['山田 太郎', '太郎', '山田'],
    ['欧阳娜娜', '娜娜', '欧阳'],
    ['김철수', '철수', '김'],
    ['Madonna', 'Madonna', undefined],
    ['', undefined, undefined],
  ])('%j is split into %j and %j', (full, name, surname) => {
    const names = splitFullName(full);
    expect([names.name, names.surname]).toEqual([name, surname]);
  });
});
