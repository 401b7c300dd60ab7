/** What a write records of its caller. */
export interface WriteContext {
  /** The user who writes; null for the service itself. */
  actorId: number | null;
  requestId: string | null;
  idempotency?: IdempotentRequest;
  /** Called with the version of a row after its update. May be called again, as transactions are retried. */
  onVersion?: (version: number) => void;
}

export interface IdempotentRequest {
  key: string;
  /** Method, path and body: the same key with another request is a client error. */
  request: string;
  /** Called when the stored answer of an earlier request is returned. */
  onReplay: () => void;
}
