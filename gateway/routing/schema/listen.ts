import { Type } from 'typebox';
import { closed, Port } from './common.js';

export const Listen = Type.Object({ host: Type.String({ minLength: 1 }), port: Port }, closed);
