import { Problem } from '../problems/problem.js';

/** Limits long work: of one user, and of all. What is too much is refused rather than queued. */
export class UserSlots {
  private readonly taken = new Map<number, number>();
  private total = 0;

  constructor(
    private readonly limits: { total: number; perUser: number },
    private readonly refusal: string,
  ) {}

  /** Returns the function that frees the slot. */
  take(userId: number): () => void {
    const own = this.taken.get(userId) ?? 0;
    if (own >= this.limits.perUser) throw new Problem('too_many_requests', this.refusal, { retryAfter: 5 });
    if (this.total >= this.limits.total) throw new Problem('overloaded');
    this.taken.set(userId, own + 1);
    this.total++;
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      this.total--;
      const left = this.taken.get(userId)! - 1;
      if (left > 0) this.taken.set(userId, left);
      else this.taken.delete(userId);
    };
  }
}
