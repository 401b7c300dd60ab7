/** Ids of a bitmap page; 8 KiB. */
const PAGE_SIZE = 65_536;

/** A set of ids. Takes a bit for each, as ids are mostly consecutive: a million of them need 125 KB. */
export class IdSet {
  private readonly pages = new Map<number, Uint8Array>();

  /** False if the id was in the set before. */
  add(id: number): boolean {
    const page = this.pageOf(Math.floor(id / PAGE_SIZE));
    const index = (id % PAGE_SIZE) >> 3;
    const bit = 1 << (id & 7);
    if (page[index]! & bit) return false;
    page[index]! |= bit;
    return true;
  }

  private pageOf(number: number): Uint8Array {
    let page = this.pages.get(number);
    if (!page) this.pages.set(number, (page = new Uint8Array(PAGE_SIZE / 8)));
    return page;
  }
}
