/** What a history entry can say about a customer. `adopted`: the Flask service had created it. */
export const CUSTOMER_ACTIONS = [
  'adopted',
  'created',
  'deleted',
  'erased',
  'merged',
  'merged_into',
  'photo_changed',
  'photo_removed',
  'restored',
  'reverted',
  'unmerged',
  'updated',
] as const;
export type CustomerAction = (typeof CUSTOMER_ACTIONS)[number];

export const USER_ACTIONS = [
  'created',
  'deleted',
  'identity_linked',
  'identity_unlinked',
  'password_changed',
  'password_reset_issued',
  'restored',
  'role_changed',
  'signed_out',
  'updated',
] as const;
export type UserAction = (typeof USER_ACTIONS)[number];

export type Action = CustomerAction | UserAction;
