import { Injectable } from '@nestjs/common';
import { decodeBase64Url } from '../config/base64url.js';
import { Secrets } from '../config/secrets.js';
import type { Session } from './session.entity.js';

const MAC_BYTES = 32;

interface Claim {
  sessionId: number;
  generation: number;
}

/**
 * A refresh token is the session, which of its tokens this is, and a signature over both and the session's salt. So
 * the database holds nothing that could be used as one, and of two clients that refresh at once both get the same.
 */
@Injectable()
export class RefreshTokens {
  constructor(private readonly secrets: Secrets) {}

  of(session: Session): string {
    const head = headOf({ sessionId: session.id, generation: session.generation });
    return Buffer.concat([head, this.secrets.sign('refresh-token', signedText(head, session))]).toString('base64url');
  }

  /** What the token says; nothing is proved by that yet. */
  read(token: string): Claim | undefined {
    const bytes = decodeBase64Url(token);
    if (bytes?.length !== 8 + MAC_BYTES) return undefined;
    return { sessionId: bytes.readUInt32BE(0), generation: bytes.readUInt32BE(4) };
  }

  verifies(token: string, session: Session): boolean {
    const bytes = Buffer.from(token, 'base64url');
    return this.secrets.verifies('refresh-token', signedText(bytes.subarray(0, 8), session), bytes.subarray(8));
  }
}

function headOf({ sessionId, generation }: Claim): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(sessionId, 0);
  head.writeUInt32BE(generation, 4);
  return head;
}

const signedText = (head: Buffer, { salt }: Session): string => `${head.toString('hex')}.${salt}`;
