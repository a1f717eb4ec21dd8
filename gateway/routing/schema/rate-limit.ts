import { Type } from 'typebox';
import { closed, Duration } from './common.js';

export const RateLimit = Type.Object(
  { requests: Type.Integer({ minimum: 1 }), per: Duration('the window that the requests are spread over') },
  { ...closed, description: 'by caller: the subject, or the address on public routes' },
);
