import { Injectable } from '@nestjs/common';
import { decodeBase64Url } from '../config/base64url.js';
import { Secrets } from '../config/secrets.js';
import type { Session } from './session.entity.js';

const MAC_BYTES = 32;

interface RefreshClaim {
  sessionId: number;
  generation: number;
}

/**
 * A refresh token consists of session id, generation, and a signature over both and the session's salt. So the database
 * contains nothing that can be used as a token, and two clients that refresh at the same time get the same token.
 */
@Injectable()
export class RefreshTokens {
  constructor(private readonly secrets: Secrets) {}

  issue(session: Session): string {
    const head = encodeHead({ sessionId: session.id, generation: session.generation });
    return Buffer.concat([head, this.secrets.sign('refresh-token', signedText(head, session))]).toString('base64url');
  }

  /** The claim of a token, not verified yet. */
  decode(token: string): RefreshClaim | undefined {
    const bytes = decodeBase64Url(token);
    if (bytes?.length !== 8 + MAC_BYTES) return undefined;
    return { sessionId: bytes.readUInt32BE(0), generation: bytes.readUInt32BE(4) };
  }

  verify(token: string, session: Session): boolean {
    const bytes = Buffer.from(token, 'base64url');
    return this.secrets.verifies('refresh-token', bytes.subarray(8), signedText(bytes.subarray(0, 8), session));
  }
}

function encodeHead({ sessionId, generation }: RefreshClaim): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(sessionId, 0);
  head.writeUInt32BE(generation, 4);
  return head;
}

/** The head has a fixed length. */
const signedText = (head: Buffer, { salt }: Session): string => `${head.toString('hex')}.${salt}`;
